//! The record as data, key by key as the toolkit writes it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::Report;

/// The version of chaostoolkit-lib whose journal this is.
pub const FOLLOWED: &str = "1.44.0";

/// A run from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// [`FOLLOWED`].
    #[serde(rename = "chaoslib-version")]
    pub chaoslib_version: String,
    /// The kernel and what it runs on.
    pub platform: String,
    /// The host's name.
    pub node: String,
    /// As it was written, with the names in its title replaced.
    pub experiment: Value,
    /// ISO 8601 to the microsecond, as all times here.
    pub start: String,
    pub status: Status,
    /// Whether the hypothesis did not hold after the method.
    pub deviated: bool,
    pub steady_states: SteadyStates,
    /// Activities of the method, in the order in which they began.
    pub run: Vec<Played>,
    /// The same of the rollbacks.
    pub rollbacks: Vec<Played>,
    pub end: String,
    /// Seconds.
    pub duration: f64,
    /// The report, which knows more; the toolkit's readers pass over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temblor: Option<Report>,
}

impl Journal {
    /// Whether the toolkit exits with 0.
    pub fn is_passed(&self) -> bool {
        self.status == Status::Completed && !self.deviated
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// To its end, whatever was found.
    Completed,
    /// A probe of the hypothesis had no answer, or it was not to fail.
    Failed,
    /// By an error that nobody had expected.
    Aborted,
    /// By a person, a signal, or a circuit breaker.
    Interrupted,
}

/// The hypothesis, wherever it was checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SteadyStates {
    pub before: Option<SteadyState>,
    pub after: Option<SteadyState>,
    pub during: Vec<SteadyState>,
}

/// One check of the hypothesis, to the first probe that was not met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SteadyState {
    pub steady_state_met: bool,
    pub probes: Vec<Played>,
}

/// One activity that was played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Played {
    /// As it was written.
    pub activity: Value,
    /// What it answered; nothing if it did not.
    pub output: Value,
    pub start: String,
    pub status: PlayedStatus,
    pub end: String,
    /// Seconds.
    pub duration: f64,
    /// Of a probe of the hypothesis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_met: Option<bool>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<Vec<String>>,
}

/// How an activity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlayedStatus {
    Succeeded,
    Failed,
    /// The run ended first.
    Aborted,
}
