//! What tasks wait for.

use crate::layout::exact_layout;

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
