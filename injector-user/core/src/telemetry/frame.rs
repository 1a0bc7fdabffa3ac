//! Everything that is known at one moment.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::catalogue::METRICS;
use super::histogram::Histogram;
use super::metric::{Metric, named, position};

/// One line of numbers: a metric with its labels' values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// In the order of the reference.
    metric: usize,
    /// In the order of the metric's labels.
    pub labels: Vec<String>,
}

/// What a series says at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// So many, or so much, since the observer began; nanoseconds of what is in seconds.
    Count(u64),
    Now(f64),
    Durations(Histogram),
}

/// Every series at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Monotonic nanoseconds.
    pub at_ns: u64,
    /// Nanoseconds since 1970, as the host's clock said then.
    pub unix_ns: u64,
    #[serde(with = "super::pairs")]
    pub values: BTreeMap<Series, Value>,
}

impl Series {
    /// The series of a metric; one of another metric than those of the reference there is not.
    #[must_use]
    pub fn of(metric: &Metric, labels: Vec<String>) -> Option<Self> {
        let metric = position(metric.name)?;
        Some(Self { metric, labels })
    }

    #[must_use]
    pub fn metric(&self) -> &'static Metric {
        METRICS.get(self.metric).unwrap_or(&METRICS[0])
    }

    /// The value of a label, if its metric has it.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let position = self.metric().position(name)?;
        self.labels.get(position).map(String::as_str)
    }

    /// Names and values of its labels.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let names = self.metric().labels.iter().map(|label| label.name);
        names.zip(self.labels.iter().map(String::as_str))
    }
}

impl Frame {
    /// The series of one metric.
    pub fn of<'a>(&'a self, metric: &Metric) -> impl Iterator<Item = (&'a Series, &'a Value)> {
        let first = position(metric.name);
        let from = Series {
            metric: first.unwrap_or(METRICS.len()),
            labels: Vec::new(),
        };
        let to = Series {
            metric: from.metric + 1,
            labels: Vec::new(),
        };
        self.values.range(from..to)
    }
}

impl Value {
    /// As a count; 0 for what is none.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Count(count) => *count,
            Self::Durations(histogram) => histogram.count(),
            Self::Now(_) => 0,
        }
    }
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.metric().name, &self.labels).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (name, labels) = <(String, Vec<String>)>::deserialize(from)?;
        let metric =
            named(&name).map_err(|_unknown| D::Error::custom(format!("metric `{name}`")))?;
        let series = Self::of(metric, labels);
        series.ok_or_else(|| D::Error::custom(format!("metric `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Histogram, METRICS, Series, Value};

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let mut frame = Frame {
            at_ns: 1,
            unix_ns: 2,
            ..Frame::default()
        };
        for metric in METRICS {
            let labels = metric
                .labels
                .iter()
                .map(|label| format!("a {}", label.name));
            let series = Series::of(metric, labels.collect()).unwrap();
            let mut histogram = Histogram::default();
            histogram.record(12_345);
            frame.values.insert(series, Value::Durations(histogram));
        }
        let text = serde_json::to_string(&frame).unwrap();
        assert_eq!(serde_json::from_str::<Frame>(&text).unwrap(), frame);
        // As where it is a part of something that is told by a tag.
        let content: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::from_value::<Frame>(content).unwrap(), frame);
        for metric in METRICS {
            assert_eq!(frame.of(metric).count(), 1, "{}", metric.name);
        }
    }
}
