//! JSON paths, as RFC 9535 has them; the toolkit's own dialect differs only in its extensions.

use std::fmt;

use serde_json::Value;

/// A path that was understood.
#[derive(Debug, Clone)]
pub struct JsonPath {
    text: String,
    path: serde_json_path::JsonPath,
}

impl JsonPath {
    /// Reads a path such as `$.items[*].ready`; the error is the reader's own words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match serde_json_path::JsonPath::parse(text) {
            Ok(path) => Ok(Self {
                text: text.to_owned(),
                path,
            }),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.path.query(value).all()
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
