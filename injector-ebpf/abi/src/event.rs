//! What the ring buffer carries: injected events only.

use crate::layout::exact_layout;

/// One injection.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Monotonic nanoseconds.
    pub at_ns: u64,
    /// Index of the hit in its stream, from 1.
    pub hit: u64,
    /// The stream: 0 for packets, else the ordinal of the thread group in order of appearance.
    pub stream: u64,
    /// The fault.
    pub slot: u32,
    /// Where it happened.
    pub hook: u32,
}

exact_layout!(Event {
    at_ns: u64,
    hit: u64,
    stream: u64,
    slot: u32,
    hook: u32
});
