//! What a target uses, and what it lacked.

use std::collections::BTreeMap;

use injector_core::telemetry::{Series, Value};

/// As far as the kernel tells it of this target.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::cli::top) struct Usage {
    pub(in crate::cli::top) processes: f64,
    /// Bytes.
    pub(in crate::cli::top) memory: f64,
    /// By name, those that occurred.
    pub(in crate::cli::top) memory_events: BTreeMap<String, u64>,
    pub(in crate::cli::top) major_faults: u64,
    /// Nanoseconds on all processors together.
    pub(in crate::cli::top) throttled_ns: u64,
    /// By resource: a share of the time in which at least one task stood still for want of it.
    pub(in crate::cli::top) pressures: BTreeMap<String, f64>,
}

impl Usage {
    pub(super) fn note(&mut self, series: &Series, value: &Value) {
        match (series.metric().name, value) {
            ("processes", Value::Now(number)) => self.processes = *number,
            ("memory_used", Value::Now(bytes)) => self.memory = *bytes,
            ("major_faults", _) => self.major_faults = value.count(),
            ("cpu_throttled", _) => self.throttled_ns = value.count(),
            ("memory_events", _) if value.count() > 0 => {
                let event = series.label("event").unwrap_or_default();
                self.memory_events.insert(event.to_owned(), value.count());
            }
            ("pressure", Value::Now(share)) if series.label("tasks") == Some("some") => {
                let resource = series.label("resource").unwrap_or_default();
                self.pressures.insert(resource.to_owned(), *share);
            }
            _ => {}
        }
    }
}
