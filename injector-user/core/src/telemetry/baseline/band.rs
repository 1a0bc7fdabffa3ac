//! Between what a number lies naturally.

use serde::{Deserialize, Serialize};

use super::sample::{Sample, Statistic, float};
use crate::proof::interval;
use crate::telemetry::query::Quantity;
use crate::telemetry::{QUANTILE_ERROR, Series, Unit};

/// The natural values of one statistic of one series.
///
/// The band is the median ± 3 · 1.4826 · MAD, the median absolute deviation, which neither a spike nor a
/// restart while it is taken makes wider: Leys and others, "Detecting outliers: Do not use standard
/// deviation around the mean, use absolute deviation around the median", Journal of Experimental Social
/// Psychology 49 (2013), with their most careful factor; 1.4826 makes it as wide as three standard
/// deviations of normal numbers (Hampel, "The influence curve", JASA 69, 1974). It is never narrower than
/// what chance, or the histogram, makes of a number that does not change:
///
/// - of a rate, three standard deviations of a Poisson number (of one event more, so that a single one is
///   natural where there was none), and 5 %;
/// - of a quantile, twice [`QUANTILE_ERROR`], as both numbers are off by it;
/// - of failing calls, three standard deviations of so many calls that fail with the highest probability
///   that all of them together allow.
///
/// Where more than half of the values are the same the MAD is 0 and says nothing: all that was seen is
/// natural then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    pub series: Series,
    pub statistic: Statistic,
    /// In seconds, things or bytes a second, or parts of 1, like all that follow.
    pub median: f64,
    /// Median distance from the median.
    pub deviation: f64,
    pub min: f64,
    pub max: f64,
    /// Windows that had a value.
    pub samples: u64,
    /// Of those, whose value is outside the band: how often chance alone leaves it.
    pub outside: u64,
    pub low: f64,
    pub high: f64,
    /// Of failing calls.
    pub failures: Option<Failures>,
}

/// How many calls failed, all windows together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failures {
    pub failed: u64,
    pub calls: u64,
    /// Between which parts of 1 the probability lies, by [`interval`], with a confidence of 99.9 %.
    pub low: f64,
    pub high: f64,
}

const CONFIDENCE: f64 = 0.999;
/// Deviations to each side.
const WIDTH: f64 = 3.0;
/// Standard deviations of normal numbers in their MAD.
const NORMAL: f64 = 1.4826;
/// Of a rate: what differs by less nobody would call a change.
const LEAST_SHARE: f64 = 0.05;

impl Band {
    /// Of one sample at least; each of a window of so many seconds.
    pub(super) fn of(
        series: Series,
        statistic: Statistic,
        samples: &[Sample],
        seconds: f64,
    ) -> Option<Self> {
        let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let median = middle(&values)?;
        let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        distances.sort_unstable_by(f64::total_cmp);
        let mut band = Self {
            deviation: middle(&distances)?,
            failures: failures(statistic, samples),
            samples: u64::try_from(values.len()).unwrap_or(u64::MAX),
            outside: 0,
            low: 0.0,
            high: 0.0,
            series,
            statistic,
            median,
            min,
            max,
        };
        band.spread(seconds);
        let outside = values.iter().filter(|value| !band.is_inside(**value));
        band.outside = u64::try_from(outside.count()).unwrap_or(u64::MAX);
        Some(band)
    }

    fn spread(&mut self, seconds: f64) {
        let half = (WIDTH * NORMAL * self.deviation).max(self.least(seconds));
        self.low = (self.median - half).max(0.0);
        self.high = self.median + half;
        if self.deviation == 0.0 {
            self.low = self.low.min(self.min);
            self.high = self.high.max(self.max);
        }
        if self.statistic == Statistic::Failing {
            self.high = self.high.min(1.0);
        }
    }

    /// What half of the band is at least.
    fn least(&self, seconds: f64) -> f64 {
        match self.statistic {
            Statistic::Rate if self.series.metric().unit == Unit::None => {
                let events = self.median * seconds + 1.0;
                (WIDTH * events.sqrt() / seconds).max(self.median * LEAST_SHARE)
            }
            // What is counted in bytes comes in pieces of a size that nobody knows.
            Statistic::Rate => self.median * LEAST_SHARE,
            Statistic::P50 | Statistic::P99 => 2.0 * QUANTILE_ERROR * self.median,
            Statistic::Failing => self.failures.map_or(0.0, |failures| {
                let calls = float(failures.calls) / float(self.samples);
                WIDTH * (failures.high * (1.0 - failures.high) / calls).sqrt()
            }),
        }
    }

    /// Whether a value of the same statistic, over a window of the same length, is natural.
    #[must_use]
    pub fn is_inside(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// What its values are a number of.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        self.statistic.quantity(self.series.metric().unit)
    }

    /// A value beside what is natural, in words.
    #[must_use]
    pub fn explain(&self, value: f64) -> String {
        let show = |value| self.quantity().show(value);
        let labels: Vec<_> = self
            .series
            .pairs()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let side = match value {
            value if value < self.low => "below",
            value if value > self.high => "above",
            _ => "within",
        };
        format!(
            "{} of {} where {} is {}, {side} what is natural: {} to {} (median {} of {} windows, of which {} outside)",
            self.statistic,
            self.series.metric().name,
            labels.join(", "),
            show(value),
            show(self.low),
            show(self.high),
            show(self.median),
            self.samples,
            self.outside,
        )
    }
}

/// Of sorted values.
fn middle(values: &[f64]) -> Option<f64> {
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(values.get(half - 1)?.midpoint(upper))
}

fn failures(statistic: Statistic, samples: &[Sample]) -> Option<Failures> {
    if statistic != Statistic::Failing {
        return None;
    }
    let failed = samples.iter().map(|sample| sample.hits).sum();
    let calls = samples.iter().map(|sample| sample.trials).sum();
    let (low, high) = interval(failed, calls, CONFIDENCE)?;
    Some(Failures {
        failed,
        calls,
        low,
        high,
    })
}
