//! What observers and their programs share: who is told apart, what is timed, what is counted.
//!
//! Every task, socket or request belongs to one **class**: a cgroup or process that is observed, or
//! everybody else. What is timed is an **item**: a system call by its number, or one of [`item`]. Each
//! class and item that occurs has a **row** with a histogram, for each processor; rows are handed out as
//! they are needed, so that what never happens costs nothing and what happens is bounded.

use crate::layout::exact_layout;

/// Classes at once.
pub const CLASSES: u32 = 2_048;

/// Not found out yet.
pub const UNDECIDED: u32 = 0;
/// Everybody who is in no other class.
pub const REST: u32 = 1;
/// Not observed at all.
pub const UNOBSERVED: u32 = u32::MAX;

/// Room for the numbers of system calls; higher ones share the last.
pub const CALLS: u32 = 512;
/// Room for system calls and [`item`]s: a power of two, by which the verifier sees what is inside.
pub const ITEMS: u32 = CALLS * 2;

/// What is timed beside system calls.
pub mod item {
    use super::CALLS;

    /// From being able to run to running.
    pub const RUN_QUEUE: u32 = CALLS;
    /// From leaving the processor to coming back to it.
    pub const OFF_CPU: u32 = CALLS + 1;
    /// From a question to a name server to its answer.
    pub const DNS: u32 = CALLS + 2;
    /// Block requests that read, from being made to done.
    pub const BLOCK_READ: u32 = CALLS + 3;
    /// The same of those that write.
    pub const BLOCK_WRITE: u32 = CALLS + 4;
    /// The same of flushes.
    pub const BLOCK_FLUSH: u32 = CALLS + 5;
    /// From asking for a TCP connection to having it.
    pub const CONNECT: u32 = CALLS + 6;
    /// Programs that were executed; not timed.
    pub const EXEC: u32 = CALLS + 7;
    /// Processes that ended, counted by how; not timed.
    pub const EXIT: u32 = CALLS + 8;
    /// Processes that the kernel ended for want of memory; not timed.
    pub const OOM: u32 = CALLS + 9;
    /// TCP connections accepted; not timed.
    pub const ACCEPT: u32 = CALLS + 10;
    /// TCP segments sent again; not timed.
    pub const RETRANSMIT: u32 = CALLS + 11;
    /// TCP resets, counted by direction; not timed.
    pub const RESET: u32 = CALLS + 12;
}

/// Parts of an octave that a histogram tells apart.
pub const PARTS: u32 = 1 << PARTS_BITS;
const PARTS_BITS: u32 = 4;
/// Below 2 to this many nanoseconds (128) all are in the first bucket.
const SHORTEST_BITS: u32 = 7;
/// From 2 to this many nanoseconds (137 s) on all are in the last bucket.
const LONGEST_BITS: u32 = 37;
/// Buckets of a histogram: log-linear, each octave in [`PARTS`] even parts.
///
/// A value taken to be in the middle of its bucket is off by at most half a part of the octave's
/// beginning: 1/32, 3.2 %.
pub const BUCKETS: u32 = (LONGEST_BITS - SHORTEST_BITS) * PARTS + 2;

/// The bucket of a duration in nanoseconds, below [`BUCKETS`].
#[inline(always)]
#[must_use]
#[expect(
    clippy::inline_always,
    reason = "kernel programs have no calls to spare"
)]
#[expect(clippy::cast_possible_truncation, reason = "four bits")]
pub const fn bucket(ns: u64) -> u32 {
    if ns >> SHORTEST_BITS == 0 {
        return 0;
    }
    if ns >> LONGEST_BITS != 0 {
        return BUCKETS - 1;
    }
    let octave = u64::BITS - 1 - ns.leading_zeros();
    let part = (ns >> (octave - PARTS_BITS)) as u32 & (PARTS - 1);
    (octave - SHORTEST_BITS) * PARTS + part + 1
}

/// The least duration of a bucket in nanoseconds; the next one's least ends it.
#[must_use]
pub const fn least(bucket: u32) -> u64 {
    if bucket == 0 {
        return 0;
    }
    let octave = (bucket - 1) / PARTS + SHORTEST_BITS;
    let part = (bucket - 1) % PARTS;
    let steps = PARTS as u64 + part as u64;
    steps << (octave - PARTS_BITS)
}

/// Who is observed, and how that is told.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Levels of the cgroups that classes are of, as bits; the root is 0.
    pub levels: u64,
    /// The class of everybody else: [`REST`] or [`UNOBSERVED`].
    pub rest: u32,
    /// Whether some classes are of thread groups.
    pub by_thread_group: u32,
}

exact_layout!(Watch {
    levels: u64,
    rest: u32,
    by_thread_group: u32
});

/// What runs on a processor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Current {
    /// Monotonic nanoseconds since when the task is in a call; 0 if it is in none, or nobody asks.
    pub entered_ns: u64,
    /// Its class, or [`UNDECIDED`].
    pub class: u32,
    /// The number of the call.
    pub number: u32,
}

exact_layout!(Current {
    entered_ns: u64,
    class: u32,
    number: u32
});

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
pub const MOST_ROWS: u32 = 8_192;

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
    /// By duration, around the end of 32 bits: a reader takes differences.
    pub buckets: [u32; BUCKETS as usize],
}

exact_layout!(Row {
    events: u64,
    errors: u64,
    returned: u64,
    total_ns: u64,
    buckets: [u32; BUCKETS as usize],
});

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

/// Tasks that wait in a call at once, where the kernel keeps nothing with a task (before 5.12).
pub const PARKED: u32 = 16_384;

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
    /// Length of the array.
    pub const KINDS: u32 = 4;
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, bucket, least};

    #[test]
    fn every_bucket_begins_where_the_one_before_ends() {
        for number in 1..BUCKETS {
            let first = least(number);
            assert_eq!(bucket(first), number);
            assert_eq!(bucket(first - 1), number - 1);
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn the_middle_of_a_bucket_is_off_by_a_thirty_second_at_most() {
        for number in 1..BUCKETS - 1 {
            let (first, end) = (least(number), least(number + 1));
            assert!((end - first) * 32 <= first * 2, "bucket {number}");
        }
    }
}
