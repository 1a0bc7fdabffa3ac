//! Identities, intervals and felt effects.

use proptest::prelude::*;

use super::rate::float;
use super::{Counters, Rate};
use crate::units::Probability;

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

/// The library's own inverse of the beta distribution never ended on the first of these.
#[test]
fn intervals_of_many_trials_are_found_too() {
    let few = rate(4, 21_000_000, 1e-6, 0.999).unwrap();
    assert!(few.low > 1.6e-8 && few.low < 1.8e-8, "{few:?}");
    assert!(few.high > 7.4e-7 && few.high < 7.5e-7, "{few:?}");
    check(50_000, 100_000, 0.999, 0.494_792_375, 0.505_207_625);
    check(500_000, 1_000_000, 0.999, 0.498_354_75, 0.501_645_25);
    check(50_000_000, 100_000_000, 0.999, 0.499_835_475, 0.500_164_525);
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
