use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn policy(consecutive: u32, window: (u32, u32, u32)) -> Policy {
    let (samples, failures, minimum) = window;
    Policy {
        consecutive,
        window: Window {
            samples,
            failures,
            minimum,
        },
        rearm: None,
    }
}

fn rearm(attempts: u32) -> Rearm {
    let ms = Duration::from_millis;
    let backoff = Backoff {
        initial: ms(100),
        factor: 2.0,
        max: ms(300),
        jitter: 0.0,
    };
    Rearm {
        backoff,
        attempts,
        scale: 0.5,
        probation: 2,
    }
}

/// Feeds one sample every 10 ms, `+` good and `-` bad, and tells the transitions as text.
fn check(policy: Policy, samples: &str, expected: &[&str]) {
    let mut breaker = Breaker::new(policy, 7);
    let told: Vec<String> = (0..)
        .zip(samples.chars())
        .filter_map(|(i, sample)| breaker.observe(Duration::from_millis(i * 10), sample == '+'))
        .map(|t| format!("{} {}->{}: {}", t.at.as_millis(), t.from, t.to, t.reason))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn consecutive_failures_trip() {
    check(
        policy(3, (0, 0, 0)),
        "+--+---",
        &["60 closed->open: 3 bad samples in a row"],
    );
}

#[test]
fn window_sees_failures_that_are_never_in_a_row() {
    let expected = ["40 closed->open: 3 bad samples among the last 5"];
    check(policy(2, (6, 3, 4)), "-+-+-+", &expected);
}

#[test]
fn window_forgets_old_failures() {
    check(policy(0, (3, 2, 0)), "-+++-++-++", &[]);
}

#[test]
fn cold_start_does_not_trip_the_window() {
    check(policy(0, (10, 1, 5)), "-+++", &[]);
    check(
        policy(0, (10, 1, 5)),
        "-++++",
        &["40 closed->open: 1 bad samples among the last 5"],
    );
}

#[test]
fn zero_disables_a_dimension() {
    check(policy(0, (0, 1, 0)), "----------", &[]);
    check(policy(0, (5, 0, 0)), "----------", &[]);
    check(policy(0, (0, 0, 0)), "----------", &[]);
}

#[test]
fn simultaneous_crossing_names_the_consecutive_one() {
    check(
        policy(3, (3, 3, 3)),
        "---",
        &["20 closed->open: 3 bad samples in a row"],
    );
}

#[test]
fn open_without_rearm_is_final() {
    let mut breaker = Breaker::new(policy(1, (0, 0, 0)), 0);
    assert!(breaker.observe(Duration::ZERO, false).is_some());
    assert!(breaker.is_final());
    assert_eq!(breaker.observe(Duration::from_hours(1), true), None);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn rearms_after_the_backoff_once_healthy_and_weaker() {
    let mut breaker = Breaker::new(
        Policy {
            rearm: Some(rearm(2)),
            ..policy(1, (0, 0, 0))
        },
        0,
    );
    let ms = Duration::from_millis;
    assert_eq!(
        breaker.observe(ms(0), false).map(|t| t.to),
        Some(State::Open)
    );
    assert!(!breaker.is_final());
    assert_eq!(
        breaker.observe(ms(90), true),
        None,
        "the back-off is not over"
    );
    assert_eq!(
        breaker.observe(ms(110), false),
        None,
        "the probe is still bad"
    );
    assert_eq!(
        breaker.observe(ms(120), true).map(|t| t.to),
        Some(State::HalfOpen)
    );
    assert!((breaker.intensity() - 0.5).abs() < 1e-9);
    assert_eq!(breaker.observe(ms(130), true), None);
    assert_eq!(
        breaker.observe(ms(140), true).map(|t| t.to),
        Some(State::Closed)
    );

    assert_eq!(
        breaker.observe(ms(150), false).map(|t| t.to),
        Some(State::Open)
    );
    assert_eq!(
        breaker.observe(ms(340), true),
        None,
        "the second wait is twice the first"
    );
    assert_eq!(breaker.tick(ms(350)).map(|t| t.to), Some(State::HalfOpen));
    assert!((breaker.intensity() - 0.25).abs() < 1e-9);
    let last = breaker.observe(ms(360), false);
    assert_eq!(
        last.map(|t| t.reason),
        Some(TransitionReason::Tripped(TripReason::ProbationFailed))
    );
    assert!(breaker.is_final(), "both attempts are used up");
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let window = (0u32..12, 0u32..6, 0u32..8);
    let rearm = proptest::option::of((0u32..4, 1u32..4, 0.0f64..=1.0).prop_map(
        |(attempts, probation, jitter)| {
            let ms = Duration::from_millis;
            let backoff = Backoff {
                initial: ms(30),
                factor: 2.0,
                max: ms(200),
                jitter,
            };
            Rearm {
                backoff,
                attempts,
                scale: 0.5,
                probation,
            }
        },
    ));
    (0u32..6, window, rearm).prop_map(|(consecutive, window, rearm)| Policy {
        rearm,
        ..policy(consecutive, window)
    })
}

fn transitions(policy: &Policy, seed: u64, samples: &[bool]) -> (Vec<Transition>, Breaker) {
    let mut breaker = Breaker::new(policy.clone(), seed);
    let told = (0..)
        .zip(samples)
        .filter_map(|(i, good)| breaker.observe(Duration::from_millis(i * 10), *good))
        .collect();
    (told, breaker)
}

proptest! {
    #[test]
    fn transitions_form_a_chain_from_closed(
        policy in any_policy(), seed: u64, samples in prop::collection::vec(any::<bool>(), 0..200)
    ) {
        let (told, breaker) = transitions(&policy, seed, &samples);
        let mut state = State::Closed;
        let mut at = Duration::ZERO;
        for transition in &told {
            prop_assert_eq!(transition.from, state);
            prop_assert!(transition.at >= at);
            prop_assert_ne!(transition.from, transition.to);
            prop_assert!((transition.from, transition.to) != (State::Closed, State::HalfOpen));
            (state, at) = (transition.to, transition.at);
        }
        prop_assert_eq!(breaker.state(), state);
        let retries = told.iter().filter(|t| t.to == State::HalfOpen).count();
        prop_assert!(retries <= policy.rearm.map_or(0, |r| r.attempts as usize));
    }

    #[test]
    fn first_trip_is_where_a_naive_model_puts_it(
        policy in any_policy(), samples in prop::collection::vec(any::<bool>(), 0..60)
    ) {
        let Window { samples: size, failures, minimum } = policy.window;
        let crossed = |upto: usize| {
            let seen = &samples[..=upto];
            let run = seen.iter().rev().take_while(|good| !**good).count();
            let recent = &seen[seen.len().saturating_sub(size as usize)..];
            let bad = recent.iter().filter(|good| !**good).count();
            (policy.consecutive > 0 && run >= policy.consecutive as usize)
                || (size > 0 && failures > 0 && recent.len() >= minimum as usize && bad >= failures as usize)
        };
        let expected = (0..samples.len()).find(|upto| crossed(*upto)).map(|i| Duration::from_millis(i as u64 * 10));
        let (told, _) = transitions(&policy, 0, &samples);
        prop_assert_eq!(told.first().map(|t| t.at), expected);
    }

    #[test]
    fn same_seed_and_samples_give_the_same_transitions(
        policy in any_policy(), seed: u64, samples in prop::collection::vec(any::<bool>(), 0..100)
    ) {
        prop_assert_eq!(transitions(&policy, seed, &samples).0, transitions(&policy, seed, &samples).0);
    }

    #[test]
    fn good_samples_never_trip(policy in any_policy(), length in 0usize..100) {
        prop_assert_eq!(transitions(&policy, 0, &vec![true; length]).0, vec![]);
    }

    #[test]
    fn waits_stay_within_the_jitter_and_the_cap(
        initial in 1u64..10_000, factor in 1.0f64..4.0, max in 1u64..60_000, jitter in 0.0f64..=1.0,
        attempt in 0u32..2_000, seed: u64
    ) {
        let (initial, max) = (Duration::from_millis(initial), Duration::from_millis(max));
        let wait = Backoff { initial, factor, max, jitter }.wait(attempt, seed).as_secs_f64();
        let base = (initial.as_secs_f64() * factor.powf(f64::from(attempt))).min(max.as_secs_f64());
        prop_assert!(wait >= base * (1.0 - jitter) - 1e-6 && wait <= base * (1.0 + jitter) + 1e-6);
    }
}
