//! The words of the `CONTROL` array: what every injecting program checks before it acts.
//!
//! The array is mapped into the engine, so that moving the lease and flipping the kill switch are
//! one store each.

/// Index of [`crate::ABI_VERSION`], written by the loader.
pub const CONTROL_VERSION: u32 = 0;
/// Index of the kill switch: anything but 0 switches every fault off.
pub const CONTROL_KILL: u32 = 1;
/// Index of the lease: monotonic nanoseconds until when faults may act without being renewed.
pub const CONTROL_LEASE: u32 = 2;
/// Length of the array.
pub const CONTROL_ENTRIES: u32 = 3;
