//! Waiting for a processor.

use injector_abi::trace::item as items;
use injector_core::telemetry::Value;

use super::super::totals::Total;
use super::fill::{Sheet, item, put};

pub(super) fn add(sheet: &mut Sheet<'_>, target: &str, total: &Total) {
    for (metric, number) in [
        ("run_queue_wait", items::RUN_QUEUE),
        ("off_cpu", items::OFF_CPU),
    ] {
        let durations = item(total, number).durations.clone();
        put(sheet, metric, &[target], Value::Durations(durations));
    }
}
