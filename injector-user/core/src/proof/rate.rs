//! How often a fault acted, with the uncertainty of a sample.

use serde::{Deserialize, Serialize};
use statrs::function::beta::beta_reg;
use statrs::function::erf::erf_inv;

use super::counters::Counters;
use crate::units::Probability;

/// The confidence reports use.
const CONFIDENCE: f64 = 0.999;

/// The observed share of injections against the asked one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// In `0..=1`.
    pub asked: f64,
    /// Injected by eligible.
    pub observed: f64,
    /// The interval in which the true rate lies with this confidence.
    pub low: f64,
    pub high: f64,
    /// In `0..1`, for example 0.999.
    pub confidence: f64,
}

impl Rate {
    /// At 99.9 % confidence. `None` if nothing was eligible: nothing is then known.
    pub fn of(asked: Probability, counters: &Counters) -> Option<Self> {
        Self::at(asked, counters, CONFIDENCE)
    }

    /// The same where events come in bursts, whose lot has this correlation with the one before
    /// (`-1..1`): of n events only n(1-c)/(1+c) say something new (Bayley and Hammersley, "The
    /// effective number of independent observations in an autocorrelated time series", 1946).
    pub fn of_bursts(asked: Probability, counters: &Counters, correlation: f64) -> Option<Self> {
        let share = ((1.0 - correlation) / (1.0 + correlation)).clamp(0.0, 1.0);
        let counted = Self::of(asked, counters)?;
        let told = Counters {
            eligible: scaled(counters.eligible, share).max(1),
            injected: scaled(counters.injected, share),
            ..*counters
        };
        Some(Self {
            observed: counted.observed,
            ..Self::of(asked, &told)?
        })
    }

    /// By [`interval`]; `confidence` is in `0..1`. Takes at most a millisecond, whatever the counts.
    pub fn at(asked: Probability, counters: &Counters, confidence: f64) -> Option<Self> {
        let Counters {
            eligible, injected, ..
        } = *counters;
        let (low, high) = interval(injected, eligible, confidence)?;
        Some(Self {
            asked: asked.get(),
            observed: float(injected) / float(eligible),
            low,
            high,
            confidence,
        })
    }

    /// Whether the asked rate is one the observation allows.
    pub fn within(&self) -> bool {
        (self.low..=self.high).contains(&self.asked)
    }
}

/// Between what the true share lies of which so many `hits` of so many `trials` were seen, with a
/// confidence in `0..1`. `None` if there were no trials.
///
/// The exact interval of Clopper and Pearson ("The use of confidence or fiducial limits", Biometrika 26,
/// 1934), by quantiles of the beta distribution; that of Wilson ("Probable inference", JASA 22, 1927)
/// where both outcomes are too many for the two to differ visibly.
pub fn interval(hits: u64, trials: u64, confidence: f64) -> Option<(f64, f64)> {
    let sound = (0.0..1.0).contains(&confidence) && hits <= trials;
    if trials == 0 || !sound {
        return None;
    }
    let (hits, misses) = (float(hits), float(trials - hits));
    if hits.min(misses) < MANY {
        Some(clopper_pearson(hits, misses, confidence))
    } else {
        Some(wilson(hits, misses, confidence))
    }
}

/// From here on the two intervals agree to four digits, and the fraction behind the beta distribution
/// stops converging.
const MANY: f64 = 1e5;

fn clopper_pearson(hits: f64, misses: f64, confidence: f64) -> (f64, f64) {
    let tail = (1.0 - confidence) / 2.0;
    let low = if hits == 0.0 {
        0.0
    } else {
        beta_quantile(hits, misses + 1.0, tail)
    };
    let high = if misses == 0.0 {
        1.0
    } else {
        beta_quantile(hits + 1.0, misses, 1.0 - tail)
    };
    (low, high)
}

/// By bisection, which always ends: the library's own inverse runs for ever on some counts, such as
/// 4 of 21 million. On a scale of exponents, so that small rates are as exact as great ones.
fn beta_quantile(a: f64, b: f64, part: f64) -> f64 {
    // The logarithm of the odds.
    let (mut low, mut high) = (-50.0_f64, 50.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if beta_reg(a, b, odds_to_rate(middle)) < part {
            low = middle;
        } else {
            high = middle;
        }
    }
    odds_to_rate(f64::midpoint(low, high))
}

fn odds_to_rate(logarithm: f64) -> f64 {
    1.0 / (1.0 + (-logarithm).exp())
}

fn wilson(hits: f64, misses: f64, confidence: f64) -> (f64, f64) {
    let z = std::f64::consts::SQRT_2 * erf_inv(confidence);
    let trials = hits + misses;
    let middle = (hits + z * z / 2.0) / (trials + z * z);
    let half = z / (trials + z * z) * (hits * misses / trials + z * z / 4.0).sqrt();
    (middle - half, middle + half)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count"
)]
fn scaled(count: u64, share: f64) -> u64 {
    (float(count) * share).round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 events")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
