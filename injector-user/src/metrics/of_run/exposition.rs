//! From a report to text.

use std::fmt;

use injector_core::report::Report;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::super::exposition::rows;
use super::super::plain::plain;
use super::catalogue::{BREAKERS, FAULTS, RECOVERIES, RUN, VERDICTS};
use super::subject::{breakers, faults, recoveries, verdicts};

/// A run, for the textfile collector of `node_exporter`, which reads the older text format. Several runs
/// may lie in one folder, each by its experiment.
#[must_use]
pub fn run_metrics(report: &Report) -> String {
    let mut registry = Registry::with_prefix("temblor");
    registry.register_collector(Box::new(Told(report.clone())));
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _infallible = encode(&mut text, &registry);
    plain(&text)
}

/// The registry wants it for itself.
#[derive(Debug)]
struct Told(Report);

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (report, encoder) = (&self.0, &mut encoder);
        let faults = faults(report);
        rows(encoder, RUN, &[report])?;
        rows(encoder, VERDICTS, &refs(&verdicts(report)))?;
        rows(encoder, BREAKERS, &refs(&breakers(report)))?;
        rows(encoder, FAULTS, &refs(&faults))?;
        rows(encoder, RECOVERIES, &refs(&recoveries(&faults)))
    }
}

fn refs<T>(all: &[T]) -> Vec<&T> {
    all.iter().collect()
}
