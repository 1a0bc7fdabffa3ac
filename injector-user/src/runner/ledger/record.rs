//! A fault on its way into the report.

use std::time::Duration;

use injector_core::fault::FaultSpec;
use injector_core::proof::Rate;
use injector_core::report::{EndReason, FaultRecord, Undo};
use serde_json::Value;

use crate::runner::clock::milliseconds;
use crate::runner::faults::{FaultError, FaultErrorClass, Snapshot};

/// What was asked for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) name: String,
    pub(super) fault: FaultSpec,
    /// When its duration is over.
    pub(super) until: Duration,
}

/// What is armed.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) request: Request,
    pub(super) id: String,
    pub(super) plan: Value,
    pub(super) asked: FaultSpec,
    pub(super) armed_at: Duration,
    pub(super) intensity: f64,
}

/// The record of a fault that was ended, or that nobody could end.
pub(super) fn ended(
    entry: Entry,
    stopped: Result<Snapshot, FaultError>,
    reason: EndReason,
    now: Duration,
) -> FaultRecord {
    let Entry {
        request,
        id: _,
        plan,
        asked,
        armed_at,
        intensity,
    } = entry;
    let begun = armed_at + asked.common.delay;
    let mut record = empty(&request.name, &asked, intensity);
    record.mechanism = plan
        .get("mechanism")
        .and_then(Value::as_str)
        .map(str::to_owned);
    record.plan = plan;
    match stopped {
        Ok(snapshot) => describe(
            &mut record,
            snapshot,
            &asked,
            (armed_at, begun, now),
            reason,
        ),
        Err(error) => {
            (record.start_ms, record.end_ms) = (Some(milliseconds(begun)), Some(milliseconds(now)));
            record.ended = EndReason::EngineLost;
            record.undo = Undo::Incomplete {
                what: format!("nobody could tell: {}", error.told()),
            };
            record.error = Some(error.told());
        }
    }
    record
}

/// What the engine says of a fault that it ended.
fn describe(
    record: &mut FaultRecord,
    snapshot: Snapshot,
    asked: &FaultSpec,
    (armed_at, begun, now): (Duration, Duration, Duration),
    reason: EndReason,
) {
    let Snapshot {
        counters,
        felt,
        end,
        times,
        warnings: _,
    } = snapshot;
    record.times = times;
    let until = end
        .as_ref()
        .map_or(now, |end| armed_at + end.after)
        .min(now);
    if until > begun {
        (record.start_ms, record.end_ms) = (Some(milliseconds(begun)), Some(milliseconds(until)));
    }
    record.counters = Some(counters);
    record.rate = Rate::of(asked.common.probability, &counters);
    record.felt = felt;
    // The engine says that it was stopped; only we know what for.
    let by_itself = end
        .as_ref()
        .map(|end| end.reason)
        .filter(|reason| *reason != EndReason::Stopped);
    record.ended = by_itself.unwrap_or(reason);
    let unsaid = || Undo::Incomplete {
        what: "the engine did not say that it had ended".to_owned(),
    };
    record.undo = end.map_or_else(unsaid, |end| end.undo);
}

/// The record of a fault that was not armed.
pub(super) fn refused(
    name: &str,
    asked: &FaultSpec,
    intensity: f64,
    error: &FaultError,
) -> FaultRecord {
    let mut record = empty(name, asked, intensity);
    record.error = Some(error.told());
    if error.class == FaultErrorClass::UndoIncomplete {
        record.undo = Undo::Incomplete {
            what: error.message.clone(),
        };
    }
    record
}

fn empty(name: &str, asked: &FaultSpec, intensity: f64) -> FaultRecord {
    FaultRecord {
        name: name.to_owned(),
        kind: asked.kind().to_string(),
        target: asked.target.to_string(),
        asked: asked.to_params(),
        mechanism: None,
        plan: Value::Null,
        start_ms: None,
        end_ms: None,
        intensity,
        counters: None,
        rate: None,
        felt: None,
        ended: EndReason::NeverArmed,
        undo: Undo::NothingToUndo,
        error: None,
        times: None,
        recoveries: Vec::new(),
    }
}
