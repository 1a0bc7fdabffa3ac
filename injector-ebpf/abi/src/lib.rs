//! Everything the kernel programs and user space share: layouts, map sizes and constants.
//!
//! Types are `repr(C)` without padding (proved by `exact_layout!`), integers of a fixed width, no
//! `bool`, no enum by value. A change of meaning or layout raises [`ABI_VERSION`].
#![no_std]

mod chain;
mod control;
mod counters;
mod dice;
mod event;
mod fault;
pub mod lack;
mod layout;
pub mod net;
mod select;
pub mod sleep;
pub mod sock;
pub mod syscall;
pub mod trace;

pub use chain::{CHAIN_STREAM, Chain, GOOD};
pub use control::{CONTROL_ENTRIES, CONTROL_KILL, CONTROL_LEASE, CONTROL_VERSION};
pub use counters::{Counters, Progress};
pub use dice::{draw, in_window, injects};
pub use event::Event;
pub use fault::Fault;
pub use select::{Armed, Select, SocketFields, SocketMark, Stream, StreamKey};

/// Layout and meaning of everything in this package; the loader refuses objects of another version.
pub const ABI_VERSION: u64 = 6;

/// Faults that can be armed at once: one bit each in every selector mask.
pub const SLOTS: u32 = 64;

/// Places a program can be attached at, at once: an interface and direction, or a cgroup operation.
pub const HOOKS: u32 = 512;

/// Stands in the instructions for the number of the hook a program is loaded for.
///
/// The loader replaces it in its copy of the instructions, so that one text serves every hook and
/// the verifier sees a constant.
pub const HOOK_MAGIC: u32 = 0x5173_E001;

/// Stands for the offset of `task_struct.pid`, read from the running kernel's BTF.
pub const TASK_PID_MAGIC: u32 = 0x5173_E002;

/// Stands for the offset of `task_struct.tgid`.
pub const TASK_TGID_MAGIC: u32 = 0x5173_E003;

/// Stands for the engine's number in its own pid namespace.
pub const ENGINE_PID_MAGIC: u32 = 0x5173_E004;

/// Stands for the device of the engine's pid namespace, as `stat` tells it.
pub const PID_NAMESPACE_DEVICE_MAGIC: u32 = 0x5173_E005;

/// Stands for the inode of the engine's pid namespace.
pub const PID_NAMESPACE_INODE_MAGIC: u32 = 0x5173_E006;

/// Stands for where a packet goes on that a delay line gives back: see [`net::resume`].
pub const RESUME_MAGIC: u32 = 0x5173_E007;

/// Stands for the length of the link layer's header at the place a program is loaded for: 14 or 0.
pub const LINK_HEADER_MAGIC: u32 = 0x5173_E008;

/// Stands for whether a program does everything, or only what most faults need: see
/// [`Select::thorough`].
pub const THOROUGH_MAGIC: u32 = 0x5173_E009;

/// Stands for where it is said how many bytes a system call is about: see [`syscall::count`].
pub const COUNT_MAGIC: u32 = 0x5173_E00A;

/// Stands for what a call is about: see [`syscall::subject`].
pub const SUBJECT_MAGIC: u32 = 0x5173_E00B;

/// Stands for the number of the system call that a program is for, or for where it is told: see
/// [`syscall::IN_REGISTER`].
pub const NUMBER_MAGIC: u32 = 0x5173_E00C;

/// Stands for what the kernel lacks: the bits of [`lack`].
pub const LACK_MAGIC: u32 = 0x5173_E00D;

/// Stands for the length of the instructions by which a program makes a call, all of which are left out
/// if it is not made.
pub const SKIP_MAGIC: u32 = 0x5173_E010;

/// Stands for how many processors there may come to be.
pub const PROCESSORS_MAGIC: u32 = 0x5173_E011;
