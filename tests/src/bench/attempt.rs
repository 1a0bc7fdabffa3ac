//! What those who suffer tried, and what came of it.

use serde::{Deserialize, Serialize};

use super::statistics::microseconds;

/// One try; times are monotonic nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to each")]
pub(super) struct Attempt {
    pub(super) begun_ns: u64,
    /// None if nothing ever came of it.
    pub(super) done_ns: Option<u64>,
    /// The last moment at which a fault acted on it; none if none did.
    pub(super) suffered_ns: Option<u64>,
}

/// The end of a fault as it was felt, in microseconds after its cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Aftermath {
    /// The last moment at which it acted; 0 if that was before.
    pub(super) last_effect: f64,
    /// When the first unharmed try after that was done.
    pub(super) recovery: f64,
}

impl Aftermath {
    /// None if it acted until the end.
    pub(super) fn of(attempts: &[Attempt], cause_ns: u64) -> Option<Self> {
        let last_ns = attempts.iter().filter_map(|one| one.suffered_ns).max()?;
        let unharmed = attempts
            .iter()
            .filter(|one| one.suffered_ns.is_none() && one.begun_ns >= last_ns.max(cause_ns));
        let recovered_ns = unharmed.filter_map(|one| one.done_ns).min()?;
        Some(Self {
            last_effect: microseconds(cause_ns, last_ns.max(cause_ns)),
            recovery: microseconds(cause_ns, recovered_ns),
        })
    }
}

/// How long after `cause_ns` the first try began that suffered, in microseconds.
pub(super) fn first_effect(attempts: &[Attempt], cause_ns: u64) -> Option<f64> {
    let after = attempts
        .iter()
        .filter(|one| one.suffered_ns.is_some() && one.begun_ns >= cause_ns);
    let first_ns = after.map(|one| one.begun_ns).min()?;
    Some(microseconds(cause_ns, first_ns))
}

#[cfg(test)]
mod tests {
    use super::{Aftermath, Attempt, first_effect};

    fn attempts() -> Vec<Attempt> {
        let all = [(1, None), (2, Some(2)), (3, Some(3)), (4, None), (5, None)];
        let attempt = |(at, suffered): (u64, Option<u64>)| Attempt {
            begun_ns: at * 1_000,
            done_ns: suffered.is_none().then_some(at * 1_000 + 500),
            suffered_ns: suffered.map(|at| at * 1_000),
        };
        all.map(attempt).to_vec()
    }

    #[test]
    fn the_last_effect_and_the_first_success_after_it_are_found() {
        let aftermath = Aftermath::of(&attempts(), 2_500);
        let expected = Aftermath {
            last_effect: 0.5,
            recovery: 2.0,
        };
        assert_eq!(aftermath, Some(expected));
    }

    #[test]
    fn what_never_recovers_has_no_aftermath() {
        assert_eq!(Aftermath::of(&attempts()[..3], 2_500), None);
    }

    #[test]
    fn the_first_effect_after_its_cause_counts() {
        assert_eq!(first_effect(&attempts(), 2_500), Some(0.5));
        assert_eq!(first_effect(&attempts(), 3_500), None);
    }
}
