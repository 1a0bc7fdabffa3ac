//! Answering a question.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::expression::{Asked, Expression, Function, Selection};
use super::gather::{Gathered, gather};
use super::quantity::Quantity;
use crate::telemetry::{History, Metric, MetricKind};
use crate::units::format_duration;

/// What the history says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Measured(Measured),
    NoData(Missing),
}

/// A value, and of how much it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// In seconds, bytes or parts of 1.
    pub value: f64,
    pub quantity: Quantity,
    /// How many series matched; of a ratio, of its whole. A count of none is 0 where the target is
    /// observed.
    pub series: usize,
    /// Durations, frames of a gauge, events of a ratio's whole, and else frames.
    pub samples: u64,
}

/// Why there is no value; which is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// No frame in this time.
    NoFrame(Duration),
    /// One frame in this time, and a change is between two.
    OneFrame(Duration),
    /// No series matches, and the target is not observed.
    NotObserved,
    /// No series matches.
    NoSeries,
    /// Nothing happened in this time of which there could be a duration, or a part.
    NothingHappened(Duration),
}

impl Expression {
    /// What was, from `over` before `at_ns` to then, by the monotonic clock.
    #[must_use]
    pub fn measure(&self, history: &History, at_ns: u64) -> Answer {
        let gathered = |of: &Selection, also: &[_]| gather(history, of, also, at_ns, self.over);
        let found = match &self.asked {
            Asked::One { function, of } => self.one(*function, of, &gathered(of, &[])),
            Asked::Ratio { part, whole } => {
                let of_part = gathered(part, &whole.conditions);
                let (some, all) = (of_part, gathered(whole, &[]));
                self.ratio(part.metric.in_unit(some.count), whole.metric, &all)
            }
        };
        match found {
            Ok((value, series, samples)) => Answer::Measured(Measured {
                value,
                quantity: self.quantity(),
                series,
                samples,
            }),
            Err(none) => Answer::NoData(none),
        }
    }

    fn one(&self, function: Function, of: &Selection, found: &Gathered) -> Found {
        if of.metric.kind == MetricKind::Gauge {
            return self.gauge(function, found);
        }
        self.check_frames(found)?;
        if found.series == 0 && !found.is_observed {
            return Err(Missing::NotObserved);
        }
        let nothing = Missing::NothingHappened(self.over);
        let durations = |ns: Option<u64>| {
            let seconds = float(ns.ok_or(nothing)?) / 1e9;
            Ok((seconds, found.series, found.durations.count()))
        };
        let counted = |value| Ok((value, found.series, found.frames));
        match function {
            Function::Increase => counted(of.metric.in_unit(found.count)),
            Function::Rate => counted(of.metric.in_unit(found.count) / found.span.as_secs_f64()),
            Function::Mean => durations(found.durations.mean()),
            Function::Max => durations(found.durations.longest()),
            Function::Quantile(quantile) => durations(found.durations.quantile(quantile.share())),
            // Refused when it was read.
            Function::Now => Err(Missing::NoSeries),
        }
    }

    pub(super) fn gauge(&self, function: Function, found: &Gathered) -> Found {
        let values = found.gauges.iter().copied();
        let frames = u64::try_from(found.gauges.len()).unwrap_or(u64::MAX);
        let value = match function {
            Function::Mean if frames > 0 => Some(values.sum::<f64>() / float(frames)),
            Function::Max => values.reduce(f64::max),
            Function::Now => found.gauge,
            Function::Mean | Function::Rate | Function::Increase | Function::Quantile(_) => None,
        };
        match value {
            Some(value) => Ok((value, found.series, frames)),
            None if found.inside == 0 => Err(Missing::NoFrame(self.over)),
            None if found.is_observed => Err(Missing::NoSeries),
            None => Err(Missing::NotObserved),
        }
    }

    fn ratio(&self, some: f64, whole: &Metric, all: &Gathered) -> Found {
        self.check_frames(all)?;
        if all.series == 0 && !all.is_observed {
            return Err(Missing::NotObserved);
        }
        if all.count == 0 {
            return Err(Missing::NothingHappened(self.over));
        }
        let share = some / whole.in_unit(all.count);
        Ok((share, all.series, all.count))
    }

    fn check_frames(&self, found: &Gathered) -> Result<(), Missing> {
        match (found.inside, found.frames) {
            (0, _) => Err(Missing::NoFrame(self.over)),
            (_, 1) => Err(Missing::OneFrame(self.over)),
            _ => Ok(()),
        }
    }
}

/// The value, how many series it is of, and how many samples.
pub(super) type Found = Result<(f64, usize, u64), Missing>;

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 events")]
fn float(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured(measured) => write!(out, "{measured}"),
            Self::NoData(none) => write!(out, "no data: {none}"),
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.quantity.show(self.value))
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = |time: &Duration| format_duration(*time);
        match self {
            Self::NoFrame(time) => write!(out, "no frame in the last {}", over(time)),
            Self::OneFrame(time) => {
                write!(
                    out,
                    "one frame in the last {}, and a change is between two",
                    over(time)
                )
            }
            Self::NotObserved => out.write_str("no series matches, and the target is not observed"),
            Self::NoSeries => out.write_str("no series matches"),
            Self::NothingHappened(time) => {
                write!(out, "nothing happened in the last {}", over(time))
            }
        }
    }
}
