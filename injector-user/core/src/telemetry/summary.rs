//! What a window says of each series, in the few numbers that people and programs read.

use std::collections::BTreeMap;

use serde::Serialize;

use super::frame::{Series, Value};
use super::histogram::Histogram;
use super::metric::Unit;
use super::window::Window;

/// One series over a window. Durations are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The metric's full name.
    pub metric: String,
    pub labels: BTreeMap<&'static str, String>,
    #[serde(flatten)]
    pub said: Said,
}

/// What is said of a series, by the kind of its metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Said {
    /// So many more, and how many in a second.
    Counter { increase: u64, rate: f64 },
    /// The same in seconds.
    #[serde(rename = "counter")]
    Time { increase: f64, rate: f64 },
    /// What is at the window's end.
    Gauge { value: f64 },
    /// Those that ended in the window.
    Histogram(Quantiles),
}

/// Durations in seconds; none where nothing ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    pub count: u64,
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub longest: Option<f64>,
}

impl Quantiles {
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let quantile = |share| histogram.quantile(share).map(seconds);
        Self {
            count: histogram.count(),
            mean: histogram.mean().map(seconds),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            longest: histogram.longest().map(seconds),
        }
    }
}

/// Every series in which something happened, in the order of the reference.
#[must_use]
pub fn summaries(window: &Window<'_>) -> Vec<Summary> {
    let changes = window
        .changes()
        .filter(|(_series, value)| is_something(value));
    changes
        .map(|(series, value)| summary(window, series, &value))
        .collect()
}

fn is_something(value: &Value) -> bool {
    matches!(value, Value::Now(_)) || value.count() > 0
}

fn summary(window: &Window<'_>, series: &Series, value: &Value) -> Summary {
    let metric = series.metric();
    let said = match value {
        Value::Count(count) => {
            let increase = metric.in_unit(*count);
            let rate = window.per_second(increase);
            match metric.unit {
                Unit::Seconds => Said::Time { increase, rate },
                Unit::None | Unit::Bytes | Unit::Ratio => Said::Counter {
                    increase: *count,
                    rate,
                },
            }
        }
        Value::Now(value) => Said::Gauge { value: *value },
        Value::Durations(histogram) => Said::Histogram(Quantiles::of(histogram)),
    };
    Summary {
        metric: metric.full_name(),
        labels: series
            .pairs()
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
        said,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations of years keep their microseconds"
)]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::{Series, Value, Window, summaries};
    use crate::telemetry::{Frame, named};

    fn frame(at_ns: u64, throttled_ns: u64) -> Frame {
        let metric = named("cpu_throttled").unwrap();
        let series = Series::of(metric, vec!["host".to_owned()]).unwrap();
        Frame {
            at_ns,
            unix_ns: 0,
            values: [(series, Value::Count(throttled_ns))].into(),
        }
    }

    #[test]
    fn a_counter_of_seconds_is_told_in_seconds() {
        let (from, to) = (frame(0, 1_000_000_000), frame(2_000_000_000, 1_500_000_000));
        let told = summaries(&Window {
            from: &from,
            to: &to,
        });
        let expected = serde_json::json!([{
            "metric": "temblor_cpu_throttled_seconds_total",
            "labels": { "target": "host" },
            "kind": "counter",
            "increase": 0.5,
            "rate": 0.25,
        }]);
        assert_eq!(serde_json::to_value(told).unwrap(), expected);
    }
}
