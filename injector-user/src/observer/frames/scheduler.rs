//! Waiting for a processor.

use injector_abi::trace::item as items;
use injector_core::telemetry::{Frame, Value};

use super::super::totals::Total;
use super::fill::{item, put};

pub(super) fn add(frame: &mut Frame, target: &str, total: &Total) {
    for (metric, number) in [
        ("run_queue_wait", items::RUN_QUEUE),
        ("off_cpu", items::OFF_CPU),
    ] {
        let durations = item(total, number).durations;
        put(frame, metric, &[target], Value::Durations(durations));
    }
}
