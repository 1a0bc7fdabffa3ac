//! What targets felt around a run, and when what is natural came back.

use serde::{Deserialize, Serialize};

use crate::telemetry::{Moment, Recovery, Timeline};

/// What was observed, from before the first look at the hypothesis until the end; an hour at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    pub targets: Vec<String>,
    pub signals: Vec<String>,
    /// The first and the last frame that is known.
    pub from: Moment,
    pub to: Moment,
    /// The first frame, in milliseconds since the run began.
    pub from_ms: f64,
    pub frames: u64,
    /// That were too old, or too much, to be kept.
    pub frames_lost: u64,
    /// What was natural for each target.
    pub natural: Vec<Natural>,
    pub timeline: Timeline,
}

/// What was natural for a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Natural {
    pub target: String,
    /// Whether it was kept from before; else it is of this run, before its first fault.
    pub kept: bool,
    pub windows: u64,
    pub window_ns: u64,
    pub bands: u64,
    /// Why nobody knows.
    pub missing: Option<String>,
}

/// What a fault did to a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetRecovery {
    pub target: String,
    pub recovery: Recovery,
}

impl Telemetry {
    /// A moment in milliseconds since the run began.
    #[must_use]
    pub fn offset_ms(&self, moment: Moment) -> f64 {
        let later = moment.at_ns.saturating_sub(self.from.at_ns);
        let earlier = self.from.at_ns.saturating_sub(moment.at_ns);
        self.from_ms + milliseconds(later) - milliseconds(earlier)
    }
}

/// To the microsecond.
fn milliseconds(ns: u64) -> f64 {
    (std::time::Duration::from_nanos(ns).as_secs_f64() * 1e6).round() / 1e3
}
