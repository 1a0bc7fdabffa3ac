//! A metric of the tables, and how it is read.

use injector_core::telemetry::{Label, Metric, MetricKind, Unit, Value};

/// A metric, and where it stands in what is told.
#[derive(Debug)]
pub(in crate::metrics) struct Row<T> {
    pub(in crate::metrics) metric: Metric,
    pub(in crate::metrics) labels: fn(&T) -> Vec<String>,
    pub(in crate::metrics) read: Read<T>,
}

/// None if nobody knows.
#[derive(Debug)]
pub(in crate::metrics) enum Read<T> {
    Whole(fn(&T) -> Option<u64>),
    Real(fn(&T) -> Option<f64>),
}

impl<T> Row<T> {
    /// What it says now.
    pub(in crate::metrics) fn value(&self, of: &T) -> Option<Value> {
        match self.read {
            Read::Whole(read) => read(of).map(Value::Count),
            Read::Real(read) => read(of).map(Value::Now),
        }
    }
}

/// Without a unit, and with no signal.
pub(in crate::metrics) const fn gauge(
    name: &'static str,
    help: &'static str,
    labels: &'static [Label],
) -> Metric {
    Metric {
        name,
        help,
        kind: MetricKind::Gauge,
        unit: Unit::None,
        signal: None,
        labels,
    }
}
