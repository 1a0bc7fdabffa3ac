//! The reference of all metrics, made from the tables that the exposition is made from.

use std::collections::BTreeSet;
use std::time::Duration;

use injector_core::telemetry::{Label, METRICS, Metric, MetricKind, OCTAVES, Unit, octave_bounds};

use super::catalogue::{DROPPED, ENGINE, FAULTS, OBSERVER_UP, UP};
use super::logged::LOGS;
use super::of_run;
use super::room::MOST_SERIES;

/// Every metric with its labels, as Markdown.
#[must_use]
pub fn reference() -> String {
    let sections = [
        about(),
        section("The engine", &engine()),
        section("Faults", &faults()),
        section("What targets feel", &observed()),
        section("What targets log", &logged()),
        section("A run", &of_run::reference()),
    ];
    sections.join("\n\n") + "\n"
}

/// In the order of the exposition.
fn engine() -> Vec<&'static Metric> {
    let rows = ENGINE.iter().map(|row| &row.metric);
    [&UP].into_iter().chain(rows).collect()
}

fn faults() -> Vec<&'static Metric> {
    FAULTS.iter().map(|row| &row.metric).collect()
}

fn observed() -> Vec<&'static Metric> {
    [&OBSERVER_UP]
        .into_iter()
        .chain(METRICS)
        .chain([&DROPPED])
        .collect()
}

fn logged() -> Vec<&'static Metric> {
    LOGS.iter().map(|row| &row.metric).collect()
}

/// All of them.
#[cfg(test)]
pub(super) fn all() -> Vec<&'static Metric> {
    [engine(), faults(), observed(), logged()].concat()
}

fn about() -> String {
    let bounds = || octave_bounds().map(Duration::from_nanos);
    let (first, last) = (bounds().min(), bounds().max());
    let [first, last] = [first, last].map(|bound| format!("{:.3?}", bound.unwrap_or_default()));
    format!(
        "# Metrics\n\n\
         <!-- Written by `BLESS=1 cargo test -p injector-user --lib metric_reference`. -->\n\n\
         `temblor metrics` exposes the first two groups, and with `--observe` or `--top` the third, \
         with `--logs` the fourth; `temblor run --out DIR` writes the last to `DIR/metrics.prom`, for the textfile collector of \
         node_exporter. Names and base units follow the Prometheus conventions, and stay. A metric that is missing means that \
         nobody knows, never 0. Counters of what targets feel begin with the observer, those of a fault \
         with the fault, which is gone from here when it has ended.\n\n\
         A histogram has {OCTAVES} bounds, each twice the one before, from {first} to {last}, and infinity; \
         each counts exactly what was shorter. At most {MOST_SERIES} series of what targets feel \
         are exposed, a histogram being {}: what has no room is left out by metric and target, first of \
         who talks to whom, then of durations, and counted in `temblor_series_dropped`.",
        OCTAVES + 3
    )
}

fn section(title: &str, metrics: &[&Metric]) -> String {
    let rows = metrics.iter().map(|metric| row(metric));
    let rows: Vec<String> = rows.collect();
    let labels = metrics.iter().flat_map(|metric| metric.labels);
    let labels: BTreeSet<&Label> = labels.collect();
    let labels: Vec<String> = labels
        .into_iter()
        .map(|label| format!("| `{}` | {} |", label.name, label.help))
        .collect();
    format!(
        "## {title}\n\n\
         | metric | type | unit | labels | signal | meaning |\n|---|---|---|---|---|---|\n{}\n\n\
         | label | what it says |\n|---|---|\n{}",
        rows.join("\n"),
        labels.join("\n")
    )
}

fn row(metric: &Metric) -> String {
    let kind = match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    };
    let unit = match metric.unit {
        Unit::None => "",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Ratio => "ratio",
    };
    let labels = metric.labels.iter();
    let labels: Vec<String> = labels.map(|label| format!("`{}`", label.name)).collect();
    let signal = metric.signal.map_or("", |signal| signal.name());
    format!(
        "| `{}` | {kind} | {unit} | {} | {signal} | {} |",
        metric.full_name(),
        labels.join(", "),
        metric.help
    )
}
