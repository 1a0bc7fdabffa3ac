//! Why the engine did not do what it was asked.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use injector_core::fault::FaultSpec;
use injector_core::units::format_duration;
use thiserror::Error;

use crate::protocol::{Failure, MAX_LINE, PROTOCOL};

#[derive(Debug, Error)]
pub enum ClientError {
    #[error("no engine runs at `{}`", socket.display())]
    NotRunning { socket: PathBuf },
    #[error("the engine is needed, and it needs root")]
    NeedsRoot,
    #[error("failed to connect to the engine at `{}`", socket.display())]
    Connect {
        socket: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to start the engine with `{}`", path.display())]
    Start {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the engine ended while it started, with {status}")]
    Ended { status: ExitStatus, log: String },
    #[error("the engine was started and was not ready within {}", format_duration(*.patience))]
    Slow { patience: Duration, log: String },
    #[error("the engine did not answer within {}", format_duration(*.patience))]
    Silent { patience: Duration },
    #[error("the connection to the engine ended")]
    Gone,
    #[error("the engine speaks version {theirs} of the protocol, and this is version {PROTOCOL}")]
    Protocol { theirs: u32 },
    #[error("a request of {length} bytes is longer than {MAX_LINE}")]
    TooLong { length: usize },
    #[error("failed to write a request as JSON")]
    Write(#[source] serde_json::Error),
    #[error("the engine answered something else than was asked")]
    Unexpected,
    #[error("{}", said(.0))]
    Answer(Failure),
}

impl ClientError {
    /// The same, said of the places where `spec` was written and not of the engine's words for them.
    #[must_use]
    pub fn about(self, spec: &FaultSpec) -> Self {
        match self {
            Self::Answer(Failure { class, problems }) => {
                let problems = problems.into_iter();
                let problems = problems.map(|problem| spec.places.relocate(problem));
                Self::Answer(Failure {
                    class,
                    problems: problems.collect(),
                })
            }
            other => other,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotRunning { .. } => Some("`sudo temblor inject …` starts one".to_owned()),
            Self::Ended { log, .. } | Self::Slow { log, .. } => Some(if log.is_empty() {
                "its log is empty".to_owned()
            } else {
                format!("its log ends with:\n{log}")
            }),
            Self::Gone => Some("its faults have ended with it; `engine.log` says more".to_owned()),
            Self::Protocol { .. } => {
                Some("another version of temblor started it: `temblor stop` ends it".to_owned())
            }
            Self::Silent { .. } => Some("`sudo temblor stop` ends it and its faults".to_owned()),
            Self::NeedsRoot
            | Self::Connect { .. }
            | Self::Start { .. }
            | Self::TooLong { .. }
            | Self::Write(_)
            | Self::Unexpected
            | Self::Answer(_) => None,
        }
    }
}

fn said(failure: &Failure) -> String {
    let problems: Vec<_> = failure.problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}
