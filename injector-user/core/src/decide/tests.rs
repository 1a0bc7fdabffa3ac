//! Decisions against vectors computed elsewhere, and their statistics.

use proptest::prelude::*;

use super::*;
use crate::units::Probability;

const HITS: u32 = 20_000;

/// Far enough from the mean that a sound generator never gets there: 6.5 sigma.
fn check(found: u32, probability: f64) {
    let mean = f64::from(HITS) * probability;
    let sigma = (mean * (1.0 - probability)).sqrt();
    let off = (f64::from(found) - mean).abs();
    assert!(
        off <= 6.5 * sigma + 1.0,
        "{found} of {HITS} at {probability}"
    );
}

fn count(hits: impl Fn(u64) -> bool) -> u32 {
    let found = (1..=u64::from(HITS)).filter(|hit| hits(*hit)).count();
    u32::try_from(found).unwrap()
}

#[test]
fn the_bits_are_those_of_the_kernel_programs() {
    assert_eq!(draw(0, 0, 0), 0);
    assert_eq!(draw(42, 0, 1), 0x6bb1_50a2_df30_d29b);
    assert_eq!(draw(42, 4711, 1), 0x8c8e_0c9f_c008_2dd7);
    assert_eq!(draw(42, 4711, 2), 0xa7fe_a38e_93fd_0036);
    assert_eq!(draw(u64::MAX, u64::MAX, u64::MAX), 0x2139_e5e9_6666_5f3f);
}

#[test]
fn never_is_never_and_always_is_always() {
    let injects = |p: Probability, hit| injects(7, 1, hit, p.threshold());
    assert_eq!(count(|hit| injects(Probability::NEVER, hit)), 0);
    assert_eq!(count(|hit| injects(Probability::ALWAYS, hit)), HITS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hits_inject_as_often_as_asked(seed: u64, stream: u64, percent in 1..100_u32) {
        let asked = Probability::new(f64::from(percent) / 100.0).unwrap();
        check(count(|hit| injects(seed, stream, hit, asked.threshold())), asked.get());
    }

    #[test]
    fn neighbours_in_time_are_independent(seed: u64, stream: u64, step in 1..9_u64) {
        let half = 1 << 31;
        let both = |hit| {
            injects(seed, stream, hit, half) && injects(seed, stream, hit + step, half)
        };
        check(count(both), 0.25);
    }

    #[test]
    fn streams_and_seeds_are_independent(seed: u64, stream: u64, other in 1..100_000_u64) {
        let half = 1 << 31;
        let streams = |hit| {
            injects(seed, stream, hit, half)
                && injects(seed, stream.wrapping_add(other), hit, half)
        };
        check(count(streams), 0.25);
        let seeds = |hit| {
            injects(seed, stream, hit, half)
                && injects(seed.wrapping_add(other), stream, hit, half)
        };
        check(count(seeds), 0.25);
    }
}
