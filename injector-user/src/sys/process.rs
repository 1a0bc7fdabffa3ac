//! Processes: forking one of ourselves, and running code in a child before it executes a program.
#![expect(
    unsafe_code,
    reason = "fork, _exit and code between fork and exec have no safe interface"
)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::unistd::{ForkResult, Pid, fork};

/// Which side of [`split`] this is.
#[derive(Debug)]
pub(crate) enum Side {
    Parent { child: Pid },
    Child,
}

/// Forks. The caller must have made sure that this process has one thread only, since a child of a
/// threaded process may not even allocate.
pub(crate) fn split() -> nix::Result<Side> {
    // SAFETY: the caller has checked that no other thread exists, so no lock is held in the child.
    Ok(match unsafe { fork() }? {
        ForkResult::Parent { child } => Side::Parent { child },
        ForkResult::Child => Side::Child,
    })
}

/// Forks a process that runs `body` and ends with its result, however many threads this one has.
///
/// `body` may only make system calls: no allocation, no locks, no panics. It begins by closing what
/// it inherited.
pub(crate) fn split_bare(body: impl FnOnce() -> i32) -> nix::Result<Pid> {
    // SAFETY: the contract of this function, kept by its two callers in `capability`.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => leave(body()),
    }
}

/// Ends this process at once, without running anything that the parent registered for its own end.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` is meant for forked children; nothing of ours needs cleaning up by `exit`.
    unsafe { libc::_exit(code) }
}

/// Runs `between` in the child, after fork and before exec.
///
/// `between` may only make system calls: no allocation, no locks, no panics.
pub(crate) fn before_exec(
    command: &mut Command,
    between: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the contract of this function, kept by its one caller in `target::command`.
    unsafe { command.pre_exec(between) };
}
