//! Whom events are counted for.

use crate::layout::exact_layout;

/// Classes at once.
pub const CLASSES: u32 = 2_048;

/// Not found out yet.
pub const UNDECIDED: u32 = 0;
/// Everybody who is in no other class.
pub const REST: u32 = 1;
/// Not observed at all.
pub const UNOBSERVED: u32 = u32::MAX;

/// Who is observed, and how that is told.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Levels of the cgroups that classes are of, as bits; the root is 0.
    pub levels: u64,
    /// Another one after each change of who is in which class; never 0.
    pub epoch: u64,
    /// The class of everybody else: [`REST`] or [`UNOBSERVED`].
    pub rest: u32,
    /// Whether some classes are of thread groups.
    pub by_thread_group: u32,
}

exact_layout!(Watch {
    levels: u64,
    epoch: u64,
    rest: u32,
    by_thread_group: u32
});

/// What runs on a processor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Current {
    /// Monotonic nanoseconds since when the task is in a call; 0 if it is in none, or nobody asks.
    pub entered_ns: u64,
    /// That of [`Watch`] when its class was looked up.
    pub epoch: u64,
    /// Its class, or [`UNDECIDED`].
    pub class: u32,
    /// The number of the call.
    pub number: u32,
}

exact_layout!(Current {
    entered_ns: u64,
    epoch: u64,
    class: u32,
    number: u32
});
