//! What one line says, and how bad it says it is.

use std::borrow::Cow;

use super::field::{json, logfmt};
use super::level::Level;
use super::mark::marked;
use super::plain::plain;

/// One line as it is understood. No line is wrong: what says nothing of its level is
/// [`Level::Unknown`], and what has no message of its own is a message as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    pub level: Level,
    /// The message of a line of JSON or logfmt, else the line; without colours.
    pub message: Cow<'a, str>,
}

impl<'a> Reading<'a> {
    /// Reads the level from a line's fields (JSON, logfmt), its mark (`<3>` of syslog, `E1123` of klog,
    /// `#` of Redis), or the first word that names one (`[warn]`, `ERROR:`).
    pub fn of(line: &'a str) -> Self {
        let text = plain(line);
        if let Some(fields) = json(&text) {
            let message = fields.message.map_or(text, Cow::Owned);
            return Self {
                level: fields.level.unwrap_or(Level::Unknown),
                message,
            };
        }
        let fields = logfmt(&text);
        let level = fields.level.or_else(|| marked(&text));
        Self {
            level: level.unwrap_or(Level::Unknown),
            message: fields.message.map_or(text, Cow::Owned),
        }
    }

    /// The same with a level that came beside the line, such as journald's priority. What says more is
    /// believed: everything that a service writes to its standard output has the priority `info`, so
    /// then the line's own level counts.
    #[must_use]
    pub fn beside(self, level: Option<Level>) -> Self {
        match level {
            Some(Level::Info) if self.level != Level::Unknown => self,
            Some(level) => Self { level, ..self },
            None => self,
        }
    }
}
