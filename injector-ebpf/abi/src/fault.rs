//! What a program needs to know of one armed fault.

use crate::chain::Chain;
use crate::layout::exact_layout;

/// One row of the `FAULTS` array, written completely before its bit is set in any mask.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Of the dice.
    pub seed: u64,
    /// Probability in units of 2^-32, 0 to 2^32 inclusive.
    pub threshold: u64,
    /// First hit of the `when` window, from 1.
    pub first: u64,
    /// Last hit of the window, 0 for none.
    pub last: u64,
    /// Step of the window, 0 for the first hit only.
    pub step: u64,
    /// Injections at most, 0 for any number.
    pub max_hits: u64,
    /// Monotonic nanoseconds after which it does nothing.
    pub deadline_ns: u64,
    /// Where it has one, it takes the place of `threshold`.
    pub chain: Chain,
    /// For `sock.error`: the negated errno.
    pub errno: i32,
    /// Anything but 0: it decides and counts as it otherwise would, and does nothing.
    pub rehearsing: u32,
    /// For `net.corrupt`: how many bits to flip.
    pub bits: u32,
    /// For `net.loss` and `net.partition`: what the sender hears, one of [`crate::net::answer`].
    pub answer: u32,
}

exact_layout!(Fault {
    seed: u64,
    threshold: u64,
    first: u64,
    last: u64,
    step: u64,
    max_hits: u64,
    deadline_ns: u64,
    chain: Chain,
    errno: i32,
    rehearsing: u32,
    bits: u32,
    answer: u32,
});
