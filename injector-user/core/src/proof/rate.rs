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
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(injected: u64, eligible: u64, asked: f64, confidence: f64) -> Option<Rate> {
        let counters = Counters {
            matched: eligible,
            eligible,
            injected,
            passed: eligible - injected,
            ..Counters::default()
        };
        Rate::at(Probability::new(asked).unwrap(), &counters, confidence)
    }

    fn check(injected: u64, eligible: u64, confidence: f64, low: f64, high: f64) {
        let rate = rate(injected, eligible, 0.1, confidence).unwrap();
        assert!((rate.low - low).abs() < 1e-7, "{rate:?}");
        assert!((rate.high - high).abs() < 1e-7, "{rate:?}");
    }

    /// As printed by R's `binom.test` and by closed forms at the ends.
    #[test]
    fn intervals_are_those_of_the_tables() {
        check(4, 10, 0.95, 0.121_552_3, 0.737_621_9);
        check(0, 10, 0.95, 0.0, 1.0 - 0.025_f64.powf(0.1));
        check(10, 10, 0.95, 0.025_f64.powf(0.1), 1.0);
        check(1, 1, 0.999, 0.000_5, 1.0);
    }

    #[test]
    fn nothing_eligible_proves_nothing() {
        assert_eq!(rate(0, 0, 0.5, 0.999), None);
        assert_eq!(rate(1, 2, 0.5, 1.0), None);
        assert_eq!(rate(1, 2, 0.5, f64::NAN), None);
    }

    #[test]
    fn certainty_is_within_and_near_certainty_is_not() {
        assert!(rate(100_000, 100_000, 1.0, 0.999).unwrap().within());
        assert!(!rate(99_999, 100_000, 1.0, 0.999).unwrap().within());
        assert!(rate(0, 100_000, 0.0, 0.999).unwrap().within());
        assert!(!rate(1, 100_000, 0.0, 0.999).unwrap().within());
    }

    #[test]
    fn the_usual_default_is_99_9_percent() {
        let counters = Counters {
            matched: 10,
            eligible: 10,
            injected: 5,
            passed: 5,
            ..Counters::default()
        };
        let rate = Rate::of(Probability::new(0.5).unwrap(), &counters).unwrap();
        assert!((rate.confidence - 0.999).abs() < f64::EPSILON);
    }

    proptest! {
        /// The definition: at each end the tail of the binomial has half of what is left.
        #[test]
        fn ends_have_the_right_tails(eligible in 1..60_u64, share in 0.0..=1.0_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test")]
            let injected = (float(eligible) * share).round() as u64;
            let rate = rate(injected, eligible, 0.5, 0.95).unwrap();
            let tail = |p: f64, from: u64, to: u64| -> f64 {
                let choose = |k: u64| (1..=k).fold(1.0, |product, i| {
                    product * float(eligible - k + i) / float(i)
                });
                (from..=to).map(|k| {
                    choose(k) * p.powf(float(k)) * (1.0 - p).powf(float(eligible - k))
                }).sum()
            };
            if injected > 0 {
                prop_assert!((tail(rate.low, injected, eligible) - 0.025).abs() < 1e-9);
            }
            if injected < eligible {
                prop_assert!((tail(rate.high, 0, injected) - 0.025).abs() < 1e-9);
            }
        }

        #[test]
        fn the_interval_holds_what_was_observed(bits in 0..40_u32, more: u32, share: u32) {
            let eligible = (1 << bits) + (u64::from(more) & ((1 << bits) - 1));
            let injected = (u128::from(eligible) * u128::from(share)) >> 32;
            let rate = rate(injected.try_into().unwrap(), eligible, 0.5, 0.999).unwrap();
            prop_assert!(rate.low <= rate.observed && rate.observed <= rate.high);
            prop_assert!(rate.low >= 0.0 && rate.high <= 1.0);
        }
    }
}
