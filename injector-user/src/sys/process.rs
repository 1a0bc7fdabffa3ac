//! Processes: forking one of ourselves, and running code in a child before it executes a program.
#![expect(
    unsafe_code,
    reason = "fork, _exit, code between fork and exec, and signals that nix does not know have no safe \
              interface"
)]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus};

use nix::errno::Errno;
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
    // SAFETY: the contract of this function, kept by its callers in `capability`, `dormitory` and
    // `target::held`.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => leave(body()),
    }
}

/// The same, and the process is born in the cgroup of version 2 that has this folder.
///
/// Moving it there afterwards would wait until no processor can be in the middle of a fork or an exit
/// (`cgroup_threadgroup_rwsem`, a grace period of RCU: 5 to 20 ms).
pub(crate) fn split_bare_into(
    cgroup: BorrowedFd<'_>,
    body: impl FnOnce() -> i32,
) -> nix::Result<Pid> {
    let into = u64::try_from(cgroup.as_raw_fd()).map_err(|_negative| Errno::EBADF)?;
    let mut arguments = [0; CLONE_ARGS];
    let [flags, _, _, _, exit_signal, .., place] = &mut arguments;
    (*flags, *exit_signal, *place) = (
        CLONE_INTO_CGROUP,
        u64::from(libc::SIGCHLD.cast_unsigned()),
        into,
    );
    let (place, size) = (arguments.as_ptr(), size_of_val(&arguments));
    // SAFETY: the kernel reads as many bytes as are there. Nothing is shared with the child, which goes
    // on with a copy of this stack; for what it may do, see the contract of this function.
    let child = Errno::result(unsafe { libc::syscall(libc::SYS_clone3, place, size) })?;
    match libc::pid_t::try_from(child) {
        Ok(0) => leave(body()),
        Ok(pid) => Ok(Pid::from_raw(pid)),
        Err(_no_pid) => Err(Errno::EOVERFLOW),
    }
}

/// Words of `struct clone_args`, as of Linux 5.7: flags first, exit signal fifth, cgroup last.
const CLONE_ARGS: usize = 11;
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// How a child ended, which is reaped then. Waits for it, unless `options` are `WNOHANG`.
pub(crate) fn reap(child: Pid, options: libc::c_int) -> nix::Result<Option<ExitStatus>> {
    let mut status = 0;
    // SAFETY: the kernel writes one number.
    let reaped = unsafe { libc::waitpid(child.as_raw(), &raw mut status, options) };
    let reaped = Errno::result(reaped)?;
    Ok((reaped != 0).then(|| ExitStatus::from_raw(status)))
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
    // SAFETY: the contract of this function, kept by its callers in `client::start` and `descriptors`.
    unsafe { command.pre_exec(between) };
}
