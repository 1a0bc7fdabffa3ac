//! Callers that sleep inside the kernel until the engine wakes them, for `syscall.delay`.
//!
//! A dormitory is a file of one fault that exists nowhere but in memory of ours: a FUSE file system of that
//! single file is mounted where nobody can see it, served by a thread, and mapped by a process that does
//! nothing else (`holder`). A program in the kernel has the caller read one of its pages
//! (`injector-ebpf/src/sleep.rs`); the kernel asks the thread for the page, which answers when the caller has
//! slept for long enough, always with an error, so that the page is asked for again the next time.
//!
//! So a sleeping caller is in the state of somebody who waits for a slow file system (`S`): no processor is
//! used, nobody takes it for hung, and it is woken when this process dies, as the file system goes with it.
//! What happens to a caller in its sleep the kernel tells the thread once (`FUSE_INTERRUPT`); it decides
//! (`sleeper`) whether the caller has to get up.

mod fault;
mod handle;
mod holder;
mod messages;
mod mount;
mod serve;
mod sleeper;

pub use fault::DormitoryError;
pub use handle::{Dormitory, Tables};
