//! The report as data. All times are milliseconds since `started` unless the name says otherwise.

mod fault;
mod report;
mod run;
mod telemetry;

pub use fault::{EndReason, FaultRecord, Felt, Undo};
pub use report::{Check, FORMAT, Left, Report, Verdict, json};
pub use run::{
    ActivityKind, ActivityRecord, ActivityStatus, Breach, BreakerRecord, DuringRecord,
    HypothesisRecord, HypothesisResult, Phase, ProbeResult, Quantity, Sample, Series,
    TransitionRecord,
};
pub use telemetry::{Natural, TargetRecovery, Telemetry};
