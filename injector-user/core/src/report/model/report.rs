//! The report itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fault::{FaultRecord, Undo};
use super::run::{ActivityRecord, Breach, BreakerRecord, HypothesisRecord, Series};
use super::telemetry::Telemetry;

/// Version of this format. A reader refuses a higher one; fields are only added, with a default.
pub const FORMAT: u32 = 1;

/// Everything a run is known by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// Version of the program that ran the experiment.
    pub version: String,
    /// The experiment's title.
    pub title: String,
    /// The experiment's description.
    pub description: String,
    /// The experiment's tags.
    pub tags: Vec<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it ended so, as one sentence without a full stop.
    pub reason: String,
    /// What the process exits with.
    pub exit_code: u8,
    /// RFC 3339, wall time.
    pub started: String,
    /// RFC 3339, wall time.
    pub ended: String,
    /// From start to end by the monotonic clock.
    pub duration_ms: f64,
    /// What the host is: name, kernel, processors and so on.
    pub host: BTreeMap<String, String>,
    /// The steady-state hypothesis, if there is one.
    pub hypothesis: Option<HypothesisRecord>,
    /// What was done, in the order in which it began.
    pub activities: Vec<ActivityRecord>,
    /// What the probes measured.
    pub series: Vec<Series>,
    /// What was armed, in that order; a fault that was armed again stands here again.
    pub faults: Vec<FaultRecord>,
    /// The circuit breakers.
    pub breakers: Vec<BreakerRecord>,
    /// The trip that ended the experiment or switched its faults off last.
    pub breach: Option<Breach>,
    /// Assertions made outside the experiment, such as "the other client was untouched".
    pub checks: Vec<Check>,
    /// What the run left behind.
    pub left_on_host: Left,
    /// What targets felt, if that was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
    /// What the reader should know besides.
    pub warnings: Vec<String>,
}

/// How an experiment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The hypothesis held, or there was none, and everything ran.
    Passed,
    /// The hypothesis did not hold before the method: nothing was injected.
    NotSteady,
    /// The hypothesis did not hold during or after the method.
    Deviated,
    /// An action of the method or a rollback failed.
    Failed,
    /// A person ended it.
    Interrupted,
    /// The experiment could not be understood or its target does not exist.
    BadInput,
    /// A fault is not supported here or was refused.
    Refused,
    /// A circuit breaker opened for good.
    BreakerTripped,
    /// Something could not be put back.
    UndoIncomplete,
}

/// One assertion and whether it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What it is about; checks about the same thing are shown together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What was asserted.
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
}

/// What a run left behind on the host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Left {
    /// Whether somebody looked.
    pub verified: bool,
    /// What was found that was not there before.
    pub items: Vec<String>,
}

impl Verdict {
    /// The documented exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::NotSteady | Self::Deviated | Self::Failed | Self::Interrupted => 1,
            Self::BadInput => 2,
            Self::Refused => 3,
            Self::BreakerTripped => 4,
            Self::UndoIncomplete => 5,
        }
    }
}

impl Report {
    /// Whether injected effects may still be on the host.
    pub fn is_clean(&self) -> bool {
        let undone =
            |fault: &FaultRecord| matches!(fault.undo, Undo::Verified | Undo::NothingToUndo);
        self.left_on_host.items.is_empty() && self.faults.iter().all(undone)
    }
}

/// The report as JSON text.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
