//! What each fault did, as the kernel counted it.

use crate::layout::exact_layout;

/// Per CPU and fault; user space adds the CPUs up.
///
/// `matched = eligible + expired + outside` and `eligible = injected + passed`, always.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events on which all filters agreed.
    pub matched: u64,
    /// Of those, the ones for which the dice were thrown.
    pub eligible: u64,
    /// Left alone: the lease, the deadline or `max_hits` had passed, or the kill switch was on.
    pub expired: u64,
    /// Left alone: not in the `when` window.
    pub outside: u64,
    /// Acted on.
    pub injected: u64,
    /// Spared by the dice.
    pub passed: u64,
    /// Sum over eligible events of the probability asked for, in units of 2^-32.
    ///
    /// It differs from `eligible * threshold` only where the probability is scaled (an aggregate
    /// of n segments is lost with probability 1 - (1-p)^n).
    pub expected: u64,
    /// Not matched: calls of the target whose caller cannot be told which call it makes, a 32-bit one
    /// or `io_uring`, at a place that calls meant by the fault pass too.
    pub foreign: u64,
}

exact_layout!(Counters {
    matched: u64,
    eligible: u64,
    expired: u64,
    outside: u64,
    injected: u64,
    passed: u64,
    expected: u64,
    foreign: u64,
});

/// Global per fault, changed atomically by the programs.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events that matched inside lease and deadline: the hit index of the fault.
    pub hits: u64,
    /// Injections granted, never above `max_hits` if there is one.
    pub granted: u64,
    /// Streams (thread groups) seen so far.
    pub streams: u64,
    /// Monotonic nanoseconds of the first injection, 0 before it; of those at the same time on several
    /// processors, any.
    pub first_injected_ns: u64,
    /// Monotonic nanoseconds of the last injection.
    pub last_injected_ns: u64,
    /// State of the fault's chain, if it has one; user space writes the first.
    pub state: u64,
}

exact_layout!(Progress {
    hits: u64,
    granted: u64,
    streams: u64,
    first_injected_ns: u64,
    last_injected_ns: u64,
    state: u64,
});
