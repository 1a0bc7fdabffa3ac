//! What a run leaves for people and programs to read.
//!
//! A [`Report`] is plain data, versioned by [`FORMAT`]; the runner fills it and the renderers are
//! pure functions of it. A renderer must never invent, round away or leave out what would change
//! the verdict, and everything that came from outside (names, output, addresses) is escaped. The
//! Chaos Toolkit's `journal.json` can be another renderer: activities carry what it needs.

mod escape;
mod html;
mod markdown;
mod model;
mod say;

pub use html::html;
pub use markdown::markdown;
pub use model::{
    ActivityKind, ActivityRecord, ActivityStatus, Breach, BreakerRecord, Check, DuringRecord,
    EndReason, FORMAT, FaultRecord, Felt, HypothesisRecord, HypothesisResult, Left, Natural, Phase,
    ProbeResult, Quantity, Report, Sample, Series, TargetRecovery, Telemetry, TransitionRecord,
    Undo, Verdict, json,
};
