//! What has changed between two looks at a host.

use std::fmt;

/// What is there now and was not, and the reverse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub added: Vec<String>,
    pub removed: Vec<String>,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.added {
            writeln!(out, "+ {line}")?;
        }
        for line in &self.removed {
            writeln!(out, "- {line}")?;
        }
        Ok(())
    }
}
