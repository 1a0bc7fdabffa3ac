//! JSON paths, as RFC 9535 has them; the toolkit's own dialect differs only in its extensions.

use std::fmt;

use serde_json::Value;

/// How deep brackets may be nested: the reader takes twice as long for each filter within a filter.
const DEEPEST: usize = 8;

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
        if nesting(text) > DEEPEST {
            return Err(format!("brackets are nested deeper than {DEEPEST}"));
        }
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

/// How deep brackets are nested outside of quotes.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => {
                letters.next();
            }
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '[' | '(') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            // Within quotes, or nothing to do with them.
            (Some(_) | None, _) => {}
        }
    }
    deepest
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

#[cfg(test)]
mod tests {
    use super::JsonPath;

    #[test]
    fn filters_within_filters_without_end_are_refused_at_once() {
        let deep = |depth: usize| "$".to_owned() + &"[?@".repeat(depth) + &"]".repeat(depth);
        JsonPath::parse(&deep(8)).unwrap();
        for text in [deep(9), deep(1_000), "$".to_owned() + &"[?@.a".repeat(40)] {
            let message = JsonPath::parse(&text).unwrap_err();
            assert_eq!(message, "brackets are nested deeper than 8");
        }
    }

    #[test]
    fn brackets_in_quotes_are_not_nested() {
        let quoted = format!("$['{}', \"\\\"{}\"]", "[".repeat(20), "(".repeat(20));
        JsonPath::parse(&quoted).unwrap();
    }
}
