//! What is counted.

use crate::layout::exact_layout;

use super::items::{BUCKETS, ITEMS};

/// Rows of one class, by item.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    /// 0 for none yet, [`NO_ROW`] for none to be had.
    pub rows: [u16; ITEMS as usize],
}

exact_layout!(Directory {
    rows: [u16; ITEMS as usize]
});

/// There were no rows left.
pub const NO_ROW: u16 = u16::MAX;

/// Most rows that there are, row 0 included, which is nobody's.
pub const MOST_ROWS: u32 = 4_096;

/// How often an item occurred, and how long it took; for each processor.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// That have ended.
    pub events: u64,
    /// Of those, that failed.
    pub errors: u64,
    /// Sum of what was not an error: of bytes, where the item is about bytes.
    pub returned: u64,
    /// Sum of the durations.
    pub total_ns: u64,
    /// Which stretches of [`STRETCH`] buckets have any, by bit: most have none, and a reader passes them by.
    pub used: u64,
    /// By duration, around the end of 32 bits: a reader takes differences.
    pub buckets: [u32; BUCKETS as usize],
}

exact_layout!(Row {
    events: u64,
    errors: u64,
    returned: u64,
    total_ns: u64,
    used: u64,
    buckets: [u32; BUCKETS as usize],
});

/// Buckets in a stretch: as few as have a bit for each stretch.
pub const STRETCH: u32 = 8;
const _: () = assert!(BUCKETS.div_ceil(STRETCH) <= u64::BITS);

/// Whose a row is: `class << 16 | item`, 0 for nobody's.
#[must_use]
pub const fn row_key(class: u32, item: u32) -> u32 {
    class << 16 | item
}

/// What is counted by a number, such as errors by errno.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountKey {
    pub class: u32,
    pub item: u16,
    /// An errno, a code, a signal.
    pub detail: u16,
}

exact_layout!(CountKey {
    class: u32,
    item: u16,
    detail: u16
});

/// What is counted at once.
pub const COUNTS: u32 = 8_192;

/// What was not observed although it should have been, by index of an array.
pub mod lost {
    /// No row was left.
    pub const NO_ROW: u32 = 0;
    /// No room to count by number.
    pub const NO_COUNT: u32 = 1;
    /// No room for a task that waits in a call: the call is not seen.
    pub const NOT_PARKED: u32 = 2;
    /// A call by 32-bit code, whose numbers are others.
    pub const FOREIGN: u32 = 3;
    /// No room for one more edge.
    pub const NO_EDGE: u32 = 4;
    /// A task could not be kept while it waits for a processor.
    pub const NOT_TIMED: u32 = 5;
    /// Length of the array.
    pub const KINDS: u32 = 6;
}
