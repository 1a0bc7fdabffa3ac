//! Why nothing can be announced: what the user has to put right before anything is armed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::address::BadAddress;

/// None of these repeats a token or a header's value.
#[derive(Debug, Error)]
pub enum AnnounceError {
    #[error("failed to read the token file `{}`", path.display())]
    TokenFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// `place` is a file or an environment variable.
    #[error("{place}: there is no token in it")]
    NoToken { place: String },
    #[error("{place}: the token has characters that no header may have")]
    BadToken { place: String },
    #[error("{variable}: {source}")]
    Address {
        variable: &'static str,
        source: BadAddress,
    },
    #[error("{variable}: the entry number {number} is not NAME=VALUE")]
    Header {
        variable: &'static str,
        /// From 1 on.
        number: usize,
    },
    #[error("{variable}: `{given}` is not a number of milliseconds")]
    Timeout {
        variable: &'static str,
        given: String,
    },
    #[error("{variable}: `{given}` is not spoken here, only http/protobuf is")]
    Protocol {
        variable: &'static str,
        given: String,
    },
    #[error("failed to start a thread that delivers announcements")]
    Thread(#[source] io::Error),
}

impl AnnounceError {
    /// What would be right.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TokenFile { .. } => Some("name a file that holds nothing but the token"),
            Self::NoToken { .. } | Self::BadToken { .. } => {
                Some("one line with the token of a Grafana service account")
            }
            Self::Address { .. } => Some("for example http://127.0.0.1:4318"),
            Self::Header { .. } => {
                Some("entries are separated by commas; write `,` in a value as %2C")
            }
            Self::Timeout { .. } => Some("for example 10000"),
            Self::Protocol { .. } => Some(
                "set OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf and an address that speaks it, \
                 usually port 4318, or OTEL_LOGS_EXPORTER=none",
            ),
            Self::Thread(_) => None,
        }
    }
}
