//! What older kernels lack, as programs are told of it: each bit is something that they do otherwise.

/// Adding to a word and being told what it was (5.12), in programs that run for packets.
pub const FETCH_FOR_PACKETS: u32 = 1;
/// The same in programs that run for a caller. Two words, since packets arrive in between.
pub const FETCH_FOR_CALLERS: u32 = 2;
/// Asking for the registers with which a task entered the kernel (5.15).
pub const REGISTERS: u32 = 4;
/// Asking at a function for the cgroups that the caller is in (5.11).
pub const CALLERS_CGROUP: u32 = 8;
/// Keeping something with a task (5.12): it is kept by the thread's number.
pub const TASK_STORAGE: u32 = 16;
