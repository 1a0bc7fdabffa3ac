//! The folder that a disk's pressure is made in.

use std::fmt;
use std::str::FromStr;

use crate::problem::Invalid;

/// `PATH_MAX` without the closing zero.
const MAX: usize = 4095;

/// An absolute path, without `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(String);

impl Folder {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Folder {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let hint = "an absolute path such as /var/lib/redis";
        let climbs = text.split('/').any(|part| part == "." || part == "..");
        if !text.starts_with('/') || text.len() > MAX || climbs || text.contains(['\0', '\n']) {
            return Err(Invalid::saying(format!("`{text}` is not a folder")).hint(hint));
        }
        if text.contains(['*', '?', '[', '{']) {
            let invalid = Invalid::saying(format!("`{text}` is a pattern"));
            return Err(invalid.hint(format!("one folder: {hint}")));
        }
        let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty()).collect();
        Ok(Self(format!("/{}", parts.join("/"))))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
