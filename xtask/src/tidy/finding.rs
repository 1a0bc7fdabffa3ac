//! What a rule has to say.

use std::fmt;

/// Advice, or something that must go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Severity {
    Warning,
    Failure,
}

/// One place that breaks a rule, and what to do about it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// `path`, `path:line` or a package's name.
    pub(crate) place: String,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            place: place.into(),
            message: message.into(),
        }
    }

    pub(crate) fn failure(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Failure,
            ..Self::warning(place, message)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            place,
            message,
        } = self;
        let severity = match severity {
            Severity::Warning => "warning",
            Severity::Failure => "failure",
        };
        write!(f, "{severity}: {place}: {message}")
    }
}
