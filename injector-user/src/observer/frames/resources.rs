//! What targets use, and what they lacked.

use injector_core::telemetry::Value;

use super::super::resources::Usage;
use super::fill::{Sheet, put};

pub(super) fn add(sheet: &mut Sheet<'_>, target: &str, usage: &Usage) {
    let gauges = [
        ("processes", usage.processes),
        ("memory_used", usage.memory_bytes),
    ];
    for (metric, value) in gauges {
        put(sheet, metric, &[target], Value::Now(number(value)));
    }
    let counts = [
        ("major_faults", usage.major_faults),
        ("cpu_periods", usage.cpu_periods),
        ("cpu_throttled_periods", usage.cpu_throttled_periods),
        ("cpu_throttled", usage.cpu_throttled_ns),
    ];
    for (metric, count) in counts {
        put(sheet, metric, &[target], Value::Count(count));
    }
    for (event, count) in &usage.memory_events {
        put(
            sheet,
            "memory_events",
            &[target, event],
            Value::Count(*count),
        );
    }
    for ((resource, tasks), share) in &usage.pressures {
        put(
            sheet,
            "pressure",
            &[target, resource, tasks],
            Value::Now(*share),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes below 2^52")]
fn number(value: u64) -> f64 {
    value as f64
}
