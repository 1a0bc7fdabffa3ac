//! What lines have in common that differ only in numbers, addresses and the like.

use std::fmt;

use serde::Serialize;

use super::mask::masked;

/// A line with its variable parts masked, such as `connection from <ip> failed after <num>ms`.
///
/// The masks are `<time>`, `<uuid>`, `<ip>`, `<hex>`, `<id>` (16 letters and digits or more), `<num>`,
/// `<path>` (from a `/` on) and `<str>` (what is quoted). The template of a template is itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Template(String);

impl Template {
    /// A longer one is cut, and ends with `…`.
    pub const MOST_BYTES: usize = 256;

    /// The template of what a line says.
    pub fn of(message: &str) -> Self {
        let mut text = masked(message);
        // What was masked or cut may make what is beside it look different. This ends: no mask holds a
        // digit, a quote or a slash, and each round that changes anything leaves fewer of them.
        loop {
            let again = masked(&text);
            if again == text {
                return Self(text);
            }
            text = again;
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}
