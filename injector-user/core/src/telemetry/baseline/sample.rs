//! One number of one series over a window.

use std::collections::VecDeque;
use std::time::Duration;

use crate::telemetry::query::Quantity;
use crate::telemetry::window::since;
use crate::telemetry::{Frame, MetricKind, Series, Unit, Value, Window, named};
use crate::units::nanoseconds;
use crate::words::words;

/// What is told of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// Of a counter, so much in a second.
    Rate,
    /// Of calls, how many fail, as a part of 1.
    Failing,
    P50,
    P99,
}

words!(Statistic, "a statistic", {
    Rate => "rate",
    Failing => "failing",
    P50 => "p50",
    P99 => "p99",
});

/// Metrics that count calls, and those of the same labels, and more, that count which of them failed.
const FAILURES: [(&str, &str); 1] = [("syscalls", "syscall_errors")];

/// Frames come each second; a window ends with the one that is nearest.
const HALF_STEP_NS: u64 = 500_000_000;

/// A number, and of how many events it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::telemetry) struct Sample {
    /// In seconds, bytes a second or parts of 1.
    pub(in crate::telemetry) value: f64,
    /// Of [`Statistic::Failing`], that failed.
    pub(super) hits: u64,
    pub(in crate::telemetry) trials: u64,
}

impl Sample {
    /// Nothing happened.
    pub(super) const NONE: Self = Self {
        value: 0.0,
        hits: 0,
        trials: 0,
    };
}

impl Statistic {
    /// What can be told of a series.
    pub(in crate::telemetry) fn of(series: &Series) -> Vec<Self> {
        match series.metric().kind {
            MetricKind::Gauge => Vec::new(),
            MetricKind::Histogram => vec![Self::P50, Self::P99],
            MetricKind::Counter if failures(series).is_some() => vec![Self::Rate, Self::Failing],
            MetricKind::Counter => vec![Self::Rate],
        }
    }

    /// What its values are a number of.
    #[must_use]
    pub fn quantity(self, unit: Unit) -> Quantity {
        match (self, unit) {
            (Self::Rate, Unit::Bytes) => Quantity::BytesPerSecond,
            (Self::Rate, Unit::None) => Quantity::PerSecond,
            (Self::Rate, Unit::Seconds | Unit::Ratio) | (Self::Failing, _) => Quantity::Ratio,
            (Self::P50 | Self::P99, _) => Quantity::Seconds,
        }
    }

    /// None where nothing happened of which there could be one, or the target was not observed.
    pub(in crate::telemetry) fn sample(
        self,
        series: &Series,
        window: &Window<'_>,
    ) -> Option<Sample> {
        let change = change(series, window)?;
        match self {
            Self::Rate => Some(Sample {
                value: window.per_second(series.metric().in_unit(change.count())),
                hits: 0,
                trials: change.count(),
            }),
            Self::Failing => failing(series, window, change.count()),
            Self::P50 => quantile(&change, 0.5),
            Self::P99 => quantile(&change, 0.99),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 events or ns")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// A series that an observed target does not have has not happened.
fn change(series: &Series, window: &Window<'_>) -> Option<Value> {
    match window.to.values.get(series) {
        Some(value) => Some(since(value, window.from.values.get(series))),
        None => is_observed(series, window.to).then_some(Value::Count(0)),
    }
}

fn is_observed(series: &Series, frame: &Frame) -> bool {
    let same = |other: &Series| {
        other.metric().signal == series.metric().signal
            && other.label("target") == series.label("target")
    };
    frame.values.keys().any(same)
}

fn quantile(change: &Value, share: f64) -> Option<Sample> {
    let Value::Durations(durations) = change else {
        return None;
    };
    Some(Sample {
        value: float(durations.quantile(share)?) / 1e9,
        hits: 0,
        trials: durations.count(),
    })
}

fn failing(series: &Series, window: &Window<'_>, trials: u64) -> Option<Sample> {
    let metric = named(failures(series)?).ok()?;
    let same = |other: &Series| {
        let mut labels = series.pairs();
        labels.all(|(label, value)| other.label(label) == Some(value))
    };
    let failed = window.to.of(metric).filter(|(other, _value)| same(other));
    let failed = failed.map(|(other, now)| since(now, window.from.values.get(other)).count());
    // A call may have been counted when it failed and not yet when it ended.
    let hits = failed.sum::<u64>().min(trials);
    (trials > 0).then(|| Sample {
        value: float(hits) / float(trials),
        hits,
        trials,
    })
}

fn failures(series: &Series) -> Option<&'static str> {
    let of = |(calls, failed): &(&str, &'static str)| {
        (series.metric().name == *calls).then_some(*failed)
    };
    FAILURES.iter().find_map(of)
}

/// What a frame knows of one target.
pub(in crate::telemetry) fn of_target(frame: &Frame, target: &str) -> Frame {
    let values = frame.values.iter();
    let values = values.filter(|(series, _value)| series.label("target") == Some(target));
    Frame {
        at_ns: frame.at_ns,
        unix_ns: frame.unix_ns,
        values: values
            .map(|(series, value)| (series.clone(), value.clone()))
            .collect(),
    }
}

/// How two frames stand to a window of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Short,
    Right,
    /// Frames are missing: half as long again is another window.
    Long,
}

pub(super) fn fit(from: &Frame, to: &Frame, length: Duration) -> Fit {
    let length = nanoseconds(length);
    let found = to.at_ns.saturating_sub(from.at_ns);
    let most = length.saturating_add((length / 2).max(HALF_STEP_NS));
    if found.saturating_add(HALF_STEP_NS) < length {
        Fit::Short
    } else if found <= most {
        Fit::Right
    } else {
        Fit::Long
    }
}

/// The window of about this length that ends with the newest of these frames. None where frames are
/// missing.
pub(in crate::telemetry) fn window_back(
    frames: &VecDeque<Frame>,
    length: Duration,
) -> Option<Window<'_>> {
    let to = frames.back()?;
    let earlier = frames.iter().rev().skip(1);
    let found = earlier.map(|from| (from, fit(from, to, length)));
    let (from, fit) = found.into_iter().find(|(_from, fit)| *fit != Fit::Short)?;
    (fit == Fit::Right).then_some(Window { from, to })
}
