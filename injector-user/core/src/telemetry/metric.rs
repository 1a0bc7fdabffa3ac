//! What a metric is called and means.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::catalogue::METRICS;
use super::signal::Signal;
use crate::problem::Invalid;
use crate::suggest;

/// How a metric's values behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, from when the observer began.
    Counter,
    /// What is now.
    Gauge,
    /// Durations by how long they were.
    Histogram,
}

/// Base units of Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    None,
    Seconds,
    Bytes,
    /// 1 is all.
    Ratio,
}

impl Unit {
    /// The end of a metric's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "_seconds",
            Self::Bytes => "_bytes",
            Self::Ratio => "_ratio",
        }
    }
}

/// What tells the series of a metric apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    pub name: &'static str,
    /// What its values are, and how many there can be.
    pub help: &'static str,
}

/// One metric: a row of the reference.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Without the prefix `temblor_`, the unit and `_total`.
    pub name: &'static str,
    pub help: &'static str,
    pub kind: MetricKind,
    pub unit: Unit,
    /// With what it comes; with anything if none.
    pub signal: Option<Signal>,
    /// In the order of a series' values.
    pub labels: &'static [Label],
}

impl Metric {
    /// As Prometheus knows it.
    #[must_use]
    pub fn full_name(&self) -> String {
        let total = match self.kind {
            MetricKind::Counter => "_total",
            MetricKind::Gauge | MetricKind::Histogram => "",
        };
        format!("{PREFIX}{}{}{total}", self.name, self.unit.suffix())
    }

    /// What a count of this metric is in its unit: counters of seconds count nanoseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 events or ns")]
    pub fn in_unit(&self, count: u64) -> f64 {
        match (self.kind, self.unit) {
            (MetricKind::Counter, Unit::Seconds) => count as f64 / 1e9,
            (MetricKind::Counter | MetricKind::Gauge | MetricKind::Histogram, _) => count as f64,
        }
    }

    /// Where the label stands among those of a series.
    #[must_use]
    pub fn position(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|one| one.name == label)
    }
}

/// Of the names of all metrics.
const PREFIX: &str = "temblor_";

/// The metric that somebody names, with or without the prefix.
///
/// # Errors
///
/// There is none; the hint names the nearest ones.
pub fn named(name: &str) -> Result<&'static Metric, Invalid> {
    let wanted = name.trim();
    let bare = wanted.strip_prefix(PREFIX).unwrap_or(wanted);
    let short = position(bare).and_then(|position| METRICS.get(position));
    let full = |metric: &&Metric| metric.full_name().strip_prefix(PREFIX) == Some(bare);
    let found = short.or_else(|| METRICS.iter().find(full));
    found.ok_or_else(|| unknown(bare))
}

/// Where in the reference a metric is, by its short name: whoever makes or reads a frame asks for each series.
pub(super) fn position(name: &str) -> Option<usize> {
    static POSITIONS: LazyLock<BTreeMap<&str, usize>> =
        LazyLock::new(|| METRICS.iter().map(|metric| metric.name).zip(0..).collect());
    POSITIONS.get(name).copied()
}

fn unknown(bare: &str) -> Invalid {
    let short = METRICS.iter().map(|metric| metric.name);
    let near = suggest::nearest(bare, short);
    if let Some(near) = METRICS.iter().find(|metric| Some(metric.name) == near) {
        return Invalid::saying(format!("there is no metric `{bare}`"))
            .hint(format!("did you mean `{}`", near.full_name()));
    }
    let names: Vec<String> = METRICS.iter().map(Metric::full_name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let full = format!("{PREFIX}{bare}");
    Invalid::saying(format!("there is no metric `{bare}`")).hint(suggest::hint(&full, &names))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{METRICS, MetricKind, named};

    #[test]
    fn names_are_unique_and_follow_the_conventions() {
        let mut seen = BTreeSet::new();
        for metric in METRICS {
            assert!(seen.insert(metric.full_name()), "{}", metric.name);
            let plain = metric
                .name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(plain, "{}", metric.name);
            for end in [
                "_total", "_seconds", "_bytes", "_ratio", "_count", "_sum", "_bucket",
            ] {
                assert!(!metric.name.ends_with(end), "{}", metric.name);
            }
            assert!(!metric.help.ends_with('.'), "{}", metric.help);
        }
    }

    #[test]
    fn a_metric_is_found_by_each_of_its_names() {
        for metric in METRICS {
            let full = metric.full_name();
            assert_eq!(named(&full).unwrap(), metric);
            assert_eq!(named(full.trim_start_matches("temblor_")).unwrap(), metric);
        }
        assert_eq!(named("syscalls").unwrap().kind, MetricKind::Counter);
    }

    #[test]
    fn an_unknown_metric_gets_the_nearest_name() {
        let error = named("syscal_errors_total").unwrap_err();
        assert!(
            format!("{error:?}").contains("temblor_syscall_errors_total"),
            "{error:?}"
        );
    }
}
