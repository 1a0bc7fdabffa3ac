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
    /// Questions to name servers; not timed.
    pub const DNS_QUESTION: u32 = CALLS + 13;
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

/// What a task waits for: for a processor, or for anything at all.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Monotonic nanoseconds when it left its processor; 0 if it has not been seen to.
    pub left_ns: u64,
    /// When it could have run again; 0 if it cannot.
    pub runnable_ns: u64,
}

exact_layout!(Waiting {
    left_ns: u64,
    runnable_ns: u64
});

/// How long the task that runs on a processor has waited before.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// Nanoseconds, plus one; 0 for not known.
    pub queued_ns: u64,
    /// The same away from any processor.
    pub away_ns: u64,
}

exact_layout!(Waited {
    queued_ns: u64,
    away_ns: u64
});

/// Roles of an end of a connection.
pub mod role {
    /// It asked for the connection, or sends to a lower port than its own.
    pub const CLIENT: u8 = 0;
    /// It listened.
    pub const SERVER: u8 = 1;
}

/// Protocols of an edge.
pub mod protocol {
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
}

/// Who talks to whom: from a class to the port of a peer, or from a peer to a port of the class.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey {
    /// IPv6, or IPv4 mapped into it.
    pub peer: [u8; 16],
    pub class: u32,
    /// Of the server, in the host's order.
    pub port: u16,
    /// Of the class: one of [`role`].
    pub role: u8,
    pub protocol: u8,
}

exact_layout!(EdgeKey {
    peer: [u8; 16],
    class: u32,
    port: u16,
    role: u8,
    protocol: u8
});

/// What went over an edge; for each processor. Bytes and round trips are of connections that have ended,
/// but for UDP.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// Connections made; of UDP, packets.
    pub opened: u64,
    /// Connections that were asked for and not made.
    pub failed: u64,
    pub closed: u64,
    pub sent: u64,
    pub received: u64,
    /// Segments sent again.
    pub retransmitted: u64,
    /// Sum over ended connections of the last smoothed round trip, in microseconds.
    pub round_trip_us: u64,
    /// Over so many.
    pub round_trips: u64,
}

exact_layout!(Edge {
    opened: u64,
    failed: u64,
    closed: u64,
    sent: u64,
    received: u64,
    retransmitted: u64,
    round_trip_us: u64,
    round_trips: u64,
});

/// Edges at once.
pub const EDGES: u32 = 4_096;

/// What is kept of a connection from its beginning to its end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Monotonic nanoseconds when it was asked for.
    pub asked_ns: u64,
    pub class: u32,
    /// Of the server: the kernel has forgotten it when the connection ends.
    pub port: u16,
    pub role: u16,
}

exact_layout!(Flow {
    asked_ns: u64,
    class: u32,
    port: u16,
    role: u16
});

/// Connections at once; those that were used longest ago make room.
pub const FLOWS: u32 = 1 << 16;

/// A question to a name server that has no answer yet.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuestionKey {
    pub server: [u8; 16],
    pub class: u32,
    /// The asker's port.
    pub port: u16,
    /// Its own number for the question.
    pub id: u16,
}

exact_layout!(QuestionKey {
    server: [u8; 16],
    class: u32,
    port: u16,
    id: u16
});

/// Questions at once; the oldest make room.
pub const QUESTIONS: u32 = 1 << 13;

/// Where the kernel keeps what programs of observers read, as byte offsets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Of a task.
    pub exit_code: u32,
    pub state: u32,
    /// Of a `struct sock`.
    pub family: u32,
    pub peer4: u32,
    pub peer6: u32,
    pub peer_port: u32,
    pub own_port: u32,
    pub error: u32,
    pub flags: u32,
    /// Of a `struct tcp_sock`.
    pub bytes_sent: u32,
    pub bytes_again: u32,
    pub bytes_received: u32,
    pub round_trip: u32,
    pub retransmitted: u32,
    /// Of a block request.
    pub operation: u32,
    pub started: u32,
    pub length: u32,
    pub bio: u32,
    /// From a `struct bio` to its cgroup.
    pub bio_group: u32,
    pub group_cgroup: u32,
    pub css_cgroup: u32,
}

exact_layout!(Fields {
    exit_code: u32,
    state: u32,
    family: u32,
    peer4: u32,
    peer6: u32,
    peer_port: u32,
    own_port: u32,
    error: u32,
    flags: u32,
    bytes_sent: u32,
    bytes_again: u32,
    bytes_received: u32,
    round_trip: u32,
    retransmitted: u32,
    operation: u32,
    started: u32,
    length: u32,
    bio: u32,
    bio_group: u32,
    group_cgroup: u32,
    css_cgroup: u32,
});

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
