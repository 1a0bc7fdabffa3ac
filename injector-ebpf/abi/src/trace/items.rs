//! What is told apart, and how long it took.

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
    /// Questions to name servers; not timed.
    pub const DNS_QUESTION: u32 = CALLS + 13;
}

/// What a failed request is counted under where the kernel tells its error, not its status: this much more than
/// the error.
pub const AS_ERRNO: u16 = 256;

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
