//! What a breaker did, in a form the report can carry.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The three states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The faults may act.
    Closed,
    /// The faults are off.
    Open,
    /// The faults act again, weaker, on probation.
    HalfOpen,
}

/// Why a breaker opened. Closed on purpose: who adds a reason decides how the report tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TripReason {
    /// So many bad samples in a row.
    ConsecutiveFailures {
        /// How many.
        failures: u32,
    },
    /// So many bad samples in the window.
    WindowFailures {
        /// Bad samples in it.
        failures: u32,
        /// Samples in it.
        samples: u32,
    },
    /// A bad sample while half-open.
    ProbationFailed,
}

/// Why a breaker changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum TransitionReason {
    /// It opened.
    Tripped(TripReason),
    /// The back-off was over and the probe good again.
    Retry {
        /// Which attempt this is, from 1.
        attempt: u32,
    },
    /// The probation was passed.
    Recovered {
        /// Good samples seen in it.
        samples: u32,
    },
}

/// One change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// When, since the start of the experiment.
    pub at: Duration,
    /// The state it left.
    pub from: State,
    /// The state it entered.
    pub to: State,
    /// Why.
    pub reason: TransitionReason,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

impl fmt::Display for TripReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsecutiveFailures { failures } => write!(f, "{failures} bad samples in a row"),
            Self::WindowFailures { failures, samples } => {
                write!(f, "{failures} bad samples among the last {samples}")
            }
            Self::ProbationFailed => f.write_str("a bad sample while on probation"),
        }
    }
}

impl fmt::Display for TransitionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tripped(reason) => reason.fmt(f),
            Self::Retry { attempt } => {
                write!(
                    f,
                    "the back-off is over and the probe is good: attempt {attempt}"
                )
            }
            Self::Recovered { samples } => write!(f, "{samples} good samples on probation"),
        }
    }
}
