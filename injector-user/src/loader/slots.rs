//! Which rows of the fault table are free.

use std::time::Duration;

use injector_abi::SLOTS;

/// A row. Programs that were running when it was released may still look at it for a moment.
pub type Slot = u32;

/// Longer than any of our programs runs, by orders of magnitude: after this nobody remembers the
/// fault that had the row before.
const GRACE: Duration = Duration::from_millis(10);

/// Free rows and, for those used before, when they became free (monotonic nanoseconds).
#[derive(Debug)]
pub(super) struct Slots {
    free_since_ns: [Option<u64>; SLOTS as usize],
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            free_since_ns: [Some(0); SLOTS as usize],
        }
    }
}

impl Slots {
    /// The row that has been free longest, if it has been so for long enough.
    pub(super) fn take(&mut self, now_ns: u64) -> Option<Slot> {
        let grace_ns = u64::try_from(GRACE.as_nanos()).unwrap_or(u64::MAX);
        let (slot, since) = self
            .free_since_ns
            .iter_mut()
            .enumerate()
            .filter(|(_slot, since)| since.is_some())
            .min_by_key(|(_slot, since)| **since)?;
        if since.is_some_and(|since| since != 0 && now_ns < since.saturating_add(grace_ns)) {
            return None;
        }
        *since = None;
        Slot::try_from(slot).ok()
    }

    pub(super) fn release(&mut self, slot: Slot, now_ns: u64) {
        if let Some(since) = self.free_since_ns.get_mut(slot as usize) {
            *since = Some(now_ns.max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    #[test]
    fn a_released_row_rests_before_it_is_used_again() {
        let mut slots = Slots::default();
        let all: Vec<_> = std::iter::from_fn(|| slots.take(0)).collect();
        assert_eq!(all, (0..64).collect::<Vec<_>>());
        slots.release(7, 1_000);
        assert_eq!(slots.take(9_000_000), None);
        assert_eq!(slots.take(10_001_000), Some(7));
    }

    #[test]
    fn rows_are_used_in_turn() {
        let mut slots = Slots::default();
        let first = slots.take(1).unwrap();
        slots.release(first, 2);
        assert_ne!(slots.take(3), Some(first));
    }
}
