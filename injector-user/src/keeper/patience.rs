//! When a lease that has passed means that the engine is stuck.

/// Sleeping longer than asked by this much means that the whole machine was paused or starved, and
/// the engine's loops with it.
const OVERSLEPT_NS: u64 = 100_000_000;

/// What the engine's loops get to catch up after such a pause.
const GRACE_NS: u64 = 200_000_000;

/// Judges passed leases; times are monotonic ns.
#[derive(Debug, Default)]
pub(super) struct Patience {
    grace_until: Option<u64>,
}

impl Patience {
    /// Whether the engine is to be killed at `now`, when the keeper slept `overslept` longer than it
    /// meant to. One grace period is given for a row of late looks, not one per late look: a keeper
    /// that is always late must still judge.
    pub(super) fn is_over(&mut self, now: u64, overslept: u64, earliest: Option<u64>) -> bool {
        if earliest.is_none_or(|lease| lease > now) {
            self.grace_until = None;
            return false;
        }
        match self.grace_until {
            Some(until) => now >= until,
            None if overslept > OVERSLEPT_NS => {
                self.grace_until = Some(now.saturating_add(GRACE_NS));
                false
            }
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GRACE_NS, OVERSLEPT_NS, Patience};

    const LATE: u64 = OVERSLEPT_NS + 1;

    /// Looks are (now, overslept, earliest lease); the result is the verdict after each.
    #[track_caller]
    fn check<const N: usize>(looks: [(u64, u64, Option<u64>); N], verdicts: [bool; N]) {
        let mut patience = Patience::default();
        let given = looks.map(|(now, overslept, lease)| patience.is_over(now, overslept, lease));
        assert_eq!(given, verdicts);
    }

    #[test]
    fn a_lease_is_good_until_it_has_passed() {
        check([(99, 0, Some(100)), (100, 0, Some(100))], [false, true]);
    }

    #[test]
    fn no_loop_running_is_never_late() {
        check([(100, LATE, None), (u64::MAX, 0, None)], [false, false]);
    }

    #[test]
    fn a_paused_machine_gets_one_grace_period() {
        check(
            [
                (100, LATE, Some(50)),
                (100 + GRACE_NS - 1, 0, Some(50)),
                (100 + GRACE_NS, LATE, Some(50)),
            ],
            [false, false, true],
        );
    }

    #[test]
    fn an_engine_that_caught_up_may_be_paused_again() {
        check(
            [
                (100, LATE, Some(50)),
                (200, 0, Some(900)),
                (901, LATE, Some(900)),
                (902, 0, Some(900)),
            ],
            [false, false, false, false],
        );
    }
}
