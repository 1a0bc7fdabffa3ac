//! What happened to the events that concerned a fault.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// `matched = eligible + expired + outside` and `eligible = injected + passed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Target and all filters agreed.
    pub matched: u64,
    /// Of those, the dice were thrown for.
    pub eligible: u64,
    /// Of those, came too late: deadline, lease or `max_hits`.
    pub expired: u64,
    /// Of those, not meant by `when`.
    pub outside: u64,
    /// Of the eligible, suffered.
    pub injected: u64,
    /// Of the eligible, were spared by the dice.
    pub passed: u64,
    /// Not matched: calls of the target by 32-bit code or `io_uring`, which no fault covers, at a place
    /// that calls meant by the fault pass.
    #[serde(default, skip_serializing_if = "is_none")]
    pub foreign: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Counters {
    /// Whether every event is accounted for exactly once.
    pub fn identity_holds(&self) -> bool {
        let Self {
            matched,
            eligible,
            expired,
            outside,
            injected,
            passed,
            foreign: _,
        } = *self;
        let sum = |values: &[u64]| values.iter().map(|value| u128::from(*value)).sum::<u128>();
        u128::from(matched) == sum(&[eligible, expired, outside])
            && u128::from(eligible) == sum(&[injected, passed])
    }
}

impl AddAssign for Counters {
    /// Sums what several processors or slots counted for one fault.
    fn add_assign(&mut self, other: Self) {
        let Self {
            matched,
            eligible,
            expired,
            outside,
            injected,
            passed,
            foreign,
        } = other;
        self.matched = self.matched.saturating_add(matched);
        self.eligible = self.eligible.saturating_add(eligible);
        self.expired = self.expired.saturating_add(expired);
        self.outside = self.outside.saturating_add(outside);
        self.injected = self.injected.saturating_add(injected);
        self.passed = self.passed.saturating_add(passed);
        self.foreign = self.foreign.saturating_add(foreign);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters([matched, eligible, expired, outside, injected, passed]: [u64; 6]) -> Counters {
        Counters {
            matched,
            eligible,
            expired,
            outside,
            injected,
            passed,
            foreign: matched / 5,
        }
    }

    #[test]
    fn every_event_is_accounted_for_once() {
        assert!(Counters::default().identity_holds());
        assert!(counters([10, 6, 3, 1, 2, 4]).identity_holds());
        assert!(!counters([10, 6, 3, 2, 2, 4]).identity_holds());
        assert!(!counters([10, 6, 3, 1, 2, 5]).identity_holds());
        assert!(!counters([0, u64::MAX, 1, 0, u64::MAX, 0]).identity_holds());
    }

    #[test]
    fn sums_keep_the_identity() {
        let mut sum = counters([10, 6, 3, 1, 2, 4]);
        sum += counters([5, 5, 0, 0, 5, 0]);
        assert_eq!(sum, counters([15, 11, 3, 1, 7, 4]));
        assert!(sum.identity_holds());
    }
}
