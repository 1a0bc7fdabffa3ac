//! Callers that sleep inside the kernel: in a *bed*, a page of a *dormitory*, which is a file that the
//! engine has mapped and serves itself. Who reads the page waits until the engine answers.

use crate::layout::exact_layout;

/// Callers that sleep at once, of all faults: rows of the `BEDS` array, and pages of every dormitory.
pub const BEDS: u32 = 2048;

/// One bed; a row of the `BEDS` array, which is mapped into the engine.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bed {
    /// Anything but 0: somebody lies in it.
    pub taken: u64,
    /// The fault.
    pub slot: u64,
    /// When the caller lay down, monotonic nanoseconds.
    pub begun_ns: u64,
    /// Always 0.
    pub reserved: u64,
}

exact_layout!(Bed {
    taken: u64,
    slot: u64,
    begun_ns: u64,
    reserved: u64,
});

/// Where the beds of a fault are; a row of the `DORMITORIES` array, which is mapped into the engine.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dormitory {
    /// The process that has it mapped.
    pub holder: u64,
    /// The address of the first page there.
    pub address: u64,
    /// Monotonic nanoseconds until when somebody may lie down without the loop that wakes having said so
    /// again.
    pub lease_ns: u64,
    /// Always 0.
    pub reserved: u64,
}

exact_layout!(Dormitory {
    holder: u64,
    address: u64,
    lease_ns: u64,
    reserved: u64,
});

/// What became of the calls of a fault; a row of the `SLEPT` array.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slept {
    /// Callers that have slept.
    pub calls: u64,
    /// How long, together.
    pub ns: u64,
    /// Calls that were to take longer and did not: no bed was free, or the kernel had no memory.
    pub awake: u64,
}

exact_layout!(Slept {
    calls: u64,
    ns: u64,
    awake: u64,
});

/// Calls of kernel functions, as they stand in the instructions: the loader puts the function's number in
/// the kernel's BTF there.
pub mod kfunc {
    pub const TASK_FROM_PID: u32 = 0x6B66_0001;
    pub const TASK_RELEASE: u32 = 0x6B66_0002;
    pub const SCHEDULE_RESUME: u32 = 0x6B66_0003;
    pub const SCHEDULE_SIGNAL: u32 = 0x6B66_0004;
}

/// What a system call gives so that the kernel makes it once more, whatever signals are handled meanwhile
/// (`ERESTARTNOINTR`).
pub const AGAIN: i64 = -513;

/// Results that no caller ever sees, as the kernel makes the call once more (`ERESTARTSYS` to
/// `ERESTART_RESTARTBLOCK`).
pub const RESTARTS: core::ops::RangeInclusive<i64> = -516..=-512;
