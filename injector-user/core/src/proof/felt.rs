//! What the target felt, against what was asked.

use serde::{Deserialize, Serialize};

/// A share of the asked effect that it may differ by.
const SHARE: f64 = 0.2;
/// And this much more, in microseconds: what a busy host adds by itself.
const SLACK_US: f64 = 1_000.0;

/// A duration the target measures, such as its socket's round trip, before and during a fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Felt {
    pub before_us: f64,
    pub during_us: f64,
    /// How much longer it was to become.
    pub asked_us: f64,
    /// It grew by something that differs from what was asked by more than 20 % and 1 ms.
    pub flagged: bool,
}

impl Felt {
    /// All in microseconds. What is not a number is flagged.
    pub fn new(before_us: f64, during_us: f64, asked_us: f64) -> Self {
        let off = (during_us - before_us - asked_us).abs();
        let agrees = off <= asked_us.abs() * SHARE + SLACK_US;
        Self {
            before_us,
            during_us,
            asked_us,
            flagged: !agrees,
        }
    }

    /// By how much it grew, in microseconds.
    pub fn grown_us(&self) -> f64 {
        self.during_us - self.before_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: f64, during: f64, asked: f64, flagged: bool) {
        let felt = Felt::new(before, during, asked);
        assert_eq!(felt.flagged, flagged, "{felt:?}");
    }

    #[test]
    fn an_effect_near_the_asked_one_is_not_flagged() {
        check(100.0, 20_100.0, 20_000.0, false);
        check(100.0, 25_099.0, 20_000.0, false);
        check(100.0, 15_101.0, 20_000.0, false);
        check(100.0, 1_100.0, 10.0, false);
    }

    #[test]
    fn an_effect_too_small_or_too_large_is_flagged() {
        check(100.0, 25_101.0, 20_000.0, true);
        check(100.0, 15_099.0, 20_000.0, true);
        check(100.0, 100.0, 20_000.0, true);
        check(100.0, 1_200.0, 10.0, true);
    }

    #[test]
    fn what_was_not_measured_is_flagged() {
        check(f64::NAN, 20_000.0, 20_000.0, true);
    }
}
