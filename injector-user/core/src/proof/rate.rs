//! How often a fault acted, with the uncertainty of a sample.

use serde::{Deserialize, Serialize};
use statrs::function::beta::inv_beta_reg;

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

    /// The exact interval of Clopper and Pearson ("The use of confidence or fiducial limits",
    /// Biometrika 26, 1934), by quantiles of the beta distribution. `confidence` is in `0..1`.
    pub fn at(asked: Probability, counters: &Counters, confidence: f64) -> Option<Self> {
        let Counters {
            eligible, injected, ..
        } = *counters;
        let sound = (0.0..1.0).contains(&confidence) && injected <= eligible;
        if eligible == 0 || !sound {
            return None;
        }
        let (hits, trials) = (float(injected), float(eligible));
        let tail = (1.0 - confidence) / 2.0;
        let low = match injected {
            0 => 0.0,
            _ => inv_beta_reg(hits, trials - hits + 1.0, tail),
        };
        let high = match eligible - injected {
            0 => 1.0,
            _ => inv_beta_reg(hits + 1.0, trials - hits, 1.0 - tail),
        };
        Some(Self {
            asked: asked.get(),
            observed: hits / trials,
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

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 events")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
