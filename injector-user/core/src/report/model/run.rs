//! What was done and measured.

use serde::{Deserialize, Serialize};

use crate::safety::{State, TransitionReason, TripReason};

/// The part of the experiment an activity belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The hypothesis before the method.
    Before,
    /// The method.
    Method,
    /// The hypothesis while the method runs.
    During,
    /// The hypothesis after the method.
    After,
    /// The rollbacks.
    Rollback,
}

/// What an activity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivityKind {
    /// It changes something.
    Action,
    /// It measures something.
    Probe,
}

/// How an activity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivityStatus {
    /// It did what it does; a process may have exited with any status.
    Succeeded,
    /// It could not be done.
    Failed,
    /// The experiment ended first.
    Cancelled,
}

/// One activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityRecord {
    /// Where it stands in the experiment.
    pub phase: Phase,
    /// Its name.
    pub name: String,
    /// Action or probe.
    pub kind: ActivityKind,
    /// `http`, `process` or `temblor`.
    pub provider: String,
    /// Whether the method went on without waiting for it.
    pub background: bool,
    /// When it began, after its pause.
    pub start_ms: f64,
    /// When it ended, before its pause.
    pub end_ms: f64,
    /// How it ended.
    pub status: ActivityStatus,
    /// The beginning of what it answered.
    pub output: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// The hypothesis wherever it was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HypothesisRecord {
    /// Its title.
    pub title: String,
    /// When it is checked, in the toolkit's words.
    pub strategy: String,
    /// Before the method.
    pub before: Option<HypothesisResult>,
    /// While the method ran.
    pub during: Option<DuringRecord>,
    /// After the method.
    pub after: Option<HypothesisResult>,
}

/// One check of the hypothesis. As in the toolkit it ends at the first probe that is not met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HypothesisResult {
    /// When the check began.
    pub at_ms: f64,
    /// Whether every probe was met.
    pub met: bool,
    /// The probes asked.
    pub probes: Vec<ProbeResult>,
}

/// One probe of the hypothesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Its name.
    pub name: String,
    /// What is tolerated.
    pub tolerance: String,
    /// Whether it was met.
    pub met: bool,
    /// Why not.
    pub why: Option<String>,
}

/// The checks made while the method ran.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct DuringRecord {
    /// How many.
    pub checks: u64,
    /// How many were not met.
    pub failed: u64,
    /// When the first was not met.
    pub first_failed_ms: Option<f64>,
}

/// What one probe measured over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The probe's name.
    pub name: String,
    /// What the numbers are.
    pub quantity: Quantity,
    /// Between which numbers the probe is tolerated.
    pub bounds: Option<(f64, f64)>,
    /// In order of time.
    pub samples: Vec<Sample>,
}

/// What the numbers of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// What the probe answered.
    Answer,
    /// How long the probe took, in milliseconds, because it did not answer a number.
    TookMs,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When the probe was asked.
    pub t: f64,
    /// The number, if it answered one.
    pub v: Option<f64>,
    /// Whether it answered and was tolerated.
    pub ok: bool,
}

/// A circuit breaker and what it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakerRecord {
    /// Its name.
    pub name: String,
    /// The probe it watches.
    pub probe: String,
    /// Its thresholds in words.
    pub policy: String,
    /// Time between samples.
    pub interval_ms: f64,
    /// Samples taken.
    pub samples: u64,
    /// Of those, bad ones; absent where nobody counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
    /// What it did, in order.
    pub transitions: Vec<TransitionRecord>,
}

/// One change of state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TransitionRecord {
    /// When.
    pub at_ms: f64,
    /// The state it left.
    pub from: State,
    /// The state it entered.
    pub to: State,
    /// Why.
    pub reason: TransitionReason,
}

/// From the sample that tripped a breaker to a clean host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// The breaker.
    pub breaker: String,
    /// Why it tripped.
    pub reason: TripReason,
    /// When the sample that tripped it was known.
    pub at_ms: f64,
    /// When the kill switch was on: from here nothing is injected.
    pub killed_ms: Option<f64>,
    /// When every fault was detached and undone.
    pub clean_ms: Option<f64>,
}
