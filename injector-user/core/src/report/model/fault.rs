//! One armed fault: what was asked for, what was done, and the proof.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::telemetry::TargetRecovery;
use crate::proof::{Counters, Rate};
use crate::telemetry::FaultTimes;

/// A fault from arming to undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// The name of the action that armed it.
    pub name: String,
    /// Which fault, such as `net.delay`.
    pub kind: String,
    /// Who was to suffer it.
    pub target: String,
    /// Everything asked for, as flags would ask for it.
    pub asked: BTreeMap<String, String>,
    /// By what it acts.
    pub mechanism: Option<String>,
    /// The plan as the engine printed it.
    pub plan: serde_json::Value,
    /// From when it acts; absent when it never did.
    pub start_ms: Option<f64>,
    /// Until when it acted.
    pub end_ms: Option<f64>,
    /// By what a breaker had weakened it, in `(0, 1]`.
    pub intensity: f64,
    /// What the kernel counted.
    pub counters: Option<Counters>,
    /// Asked against observed probability.
    pub rate: Option<Rate>,
    /// What the target felt.
    pub felt: Option<Felt>,
    /// Why it ended.
    pub ended: EndReason,
    /// Whether the host is as it was.
    pub undo: Undo,
    /// What went wrong with it.
    pub error: Option<String>,
    /// When it was armed, first injected and ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<FaultTimes>,
    /// What it did to each target that was observed and of which it is known what is natural.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recoveries: Vec<TargetRecovery>,
}

/// An effect as the target felt it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Felt {
    /// What was measured, such as "round trip of the target's socket".
    pub quantity: String,
    /// Median before, in microseconds.
    pub before_us: f64,
    /// Median during, in microseconds.
    pub during_us: f64,
    /// What was asked to be added, in microseconds.
    pub asked_us: f64,
    /// Whether it differs from what was asked by more than 20 % + 1 ms.
    pub flagged: bool,
}

/// Why a fault ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// It was never armed.
    NeverArmed,
    /// Its duration was over.
    Duration,
    /// It had made `max_hits` injections, or all its pulses.
    MaxHits,
    /// An action stopped it.
    Stopped,
    /// The method was over.
    MethodOver,
    /// A circuit breaker opened.
    Breaker,
    /// A person ended the experiment or all faults.
    Interrupted,
    /// Its target ended.
    TargetGone,
    /// The engine ended.
    EngineLost,
}

/// Whether the host was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Undo {
    /// It was never armed.
    NothingToUndo,
    /// Put back, and verified by looking.
    Verified,
    /// Not put back, or nobody could look.
    Incomplete {
        /// What is left.
        what: String,
    },
}
