//! The leases that the engine's loops move and the keeper watches.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::monotonic_ns;
use crate::sys::memory::SharedCells;

/// How many effects can be in the keeper's charge at once; each has a cell of its own.
pub const CELLS: u8 = 64;

const ALL_CELLS: NonZeroUsize = NonZeroUsize::new(CELLS as usize + 1).expect("not zero");

/// One lease. Only the loop that does the work a cell stands for may move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell(u8);

impl Cell {
    /// The engine's main loop.
    pub const ENGINE: Self = Self(0);

    /// The cell of effect `index`, 1 to [`CELLS`].
    pub fn effect(index: u8) -> Option<Self> {
        (1..=CELLS).contains(&index).then_some(Self(index))
    }

    pub(super) fn number(self) -> u8 {
        self.0
    }
}

/// A page shared by engine and keeper: until when (monotonic ns) each loop may be silent; 0 is a loop
/// that is not running.
#[derive(Debug)]
pub struct Heart {
    shared: SharedCells,
}

impl Heart {
    pub(super) fn new() -> nix::Result<Self> {
        SharedCells::map(ALL_CELLS).map(|shared| Self { shared })
    }

    /// Moves the lease of `cell` to `lease` from now; true if the cell was not in use before.
    pub(super) fn beat(&self, cell: Cell, lease: Duration) -> bool {
        let lease = u64::try_from(lease.as_nanos()).unwrap_or(u64::MAX);
        let until = monotonic_ns().saturating_add(lease).max(1);
        self.move_to(cell, until)
    }

    /// The same to a moment, which must not be 0.
    pub(super) fn move_to(&self, cell: Cell, until: u64) -> bool {
        self.cell(cell).swap(until, Ordering::AcqRel) == 0
    }

    /// The loop of `cell` has nothing to do that would outlive it.
    pub(super) fn rest(&self, cell: Cell) {
        self.cell(cell).store(0, Ordering::Release);
    }

    /// The lease that passes first, if any loop is running.
    pub(super) fn earliest(&self) -> Option<u64> {
        let leases = self.shared.cells().iter();
        leases
            .map(|cell| cell.load(Ordering::Acquire))
            .filter(|&lease| lease != 0)
            .min()
    }

    /// Whether the lease of `cell` has passed at `now`.
    pub(super) fn is_late(&self, cell: Cell, now: u64) -> bool {
        let lease = self.cell(cell).load(Ordering::Acquire);
        lease != 0 && lease <= now
    }

    fn cell(&self, cell: Cell) -> &AtomicU64 {
        // A `Cell` is at most `CELLS`, and the page holds one more than that.
        &self.shared.cells()[usize::from(cell.0)]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CELLS, Cell, Heart};

    #[test]
    fn the_earliest_lease_of_the_running_loops_counts() {
        let heart = Heart::new().unwrap();
        assert_eq!(heart.earliest(), None);
        let last = Cell::effect(CELLS).unwrap();
        assert!(heart.beat(last, Duration::from_secs(2)));
        let late = heart.earliest().unwrap();
        assert!(heart.beat(Cell::ENGINE, Duration::from_secs(1)));
        assert!(!heart.beat(Cell::ENGINE, Duration::from_secs(1)));
        assert!(heart.earliest().unwrap() < late);
        heart.rest(Cell::ENGINE);
        assert_eq!(heart.earliest(), Some(late));
        assert!(heart.is_late(last, late) && !heart.is_late(last, late - 1));
        assert!(!heart.is_late(Cell::ENGINE, u64::MAX));
        heart.rest(last);
        assert_eq!(heart.earliest(), None);
    }

    #[test]
    fn only_cells_on_the_page_exist() {
        let exists = |index| Cell::effect(index).is_some();
        let found = [0, 1, CELLS, CELLS + 1].map(exists);
        assert_eq!(found, [false, true, true, false]);
    }
}
