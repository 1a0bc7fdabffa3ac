//! What could not be delivered: how much, where to, why, and what to do about it.

use std::fmt;

/// Why something was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    pub message: String,
    pub hint: Option<String>,
}

impl Why {
    pub(super) fn new(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            message: message.into(),
            hint: hint.map(str::to_owned),
        }
    }
}

/// Announcements that one destination did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Such as `Grafana at http://127.0.0.1:3000`.
    pub destination: String,
    pub undelivered: u64,
    /// Why the last of them was not.
    pub why: Why,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            destination,
            undelivered,
            why,
        } = self;
        let announcements = match undelivered {
            1 => "announcement has",
            _ => "announcements have",
        };
        let message = &why.message;
        write!(
            out,
            "{undelivered} {announcements} not reached {destination}: {message}"
        )
    }
}
