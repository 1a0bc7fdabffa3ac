//! Taking the listener over from a command that has installed its filter and waits.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::unistd::Pid;

use super::fault::InterceptionError;
use crate::clock::monotonic_ns;
use crate::sys::fd::{pidfd_getfd, pidfd_open};
use crate::sys::poll::wait_readable;
use crate::sys::seccomp::hurry;

/// What `/proc` calls it.
const KIND: &str = "anon_inode:seccomp notify";

/// How long installing a filter may take that was begun already.
const PATIENCE: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_micros(200);

/// The listener of a command that is not executed yet.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    pid: i32,
    number: RawFd,
}

/// The listener that process `pid` has, or is about to have, under the number `number`, once it waits.
pub fn take(pid: i32, number: RawFd) -> Result<Listener, InterceptionError> {
    let open = |source| InterceptionError::Open { pid, source };
    let pidfd = pidfd_open(Pid::from_raw(pid)).map_err(open)?;
    let deadline = monotonic_ns().saturating_add(nanos(PATIENCE));
    loop {
        match pidfd_getfd(pidfd.as_fd(), number) {
            Ok(fd) if is_listener("self", fd.as_raw_fd()) => {
                hurry(fd.as_fd());
                let listener = Listener { fd, pid, number };
                return listener.await_mark();
            }
            Ok(_something_else) => {}
            Err(Errno::EBADF) => {}
            Err(errno) => return Err(open(errno)),
        }
        let [ended] = wait_readable([pidfd.as_fd()], LOOK).unwrap_or([PollFlags::empty()]);
        if monotonic_ns() >= deadline || !ended.is_empty() {
            return Err(InterceptionError::NoListener { pid, number });
        }
    }
}

impl Listener {
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The same once more, for who lets callers go.
    pub(super) fn again(&self) -> Result<OwnedFd, InterceptionError> {
        self.fd.try_clone().map_err(InterceptionError::Again)
    }

    /// The process that it was taken from.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether the command itself has begun: at exec it loses its own descriptor.
    pub(super) fn is_executed(&self) -> bool {
        !is_listener(&self.pid.to_string(), self.number)
    }

    fn await_mark(self) -> Result<Self, InterceptionError> {
        match wait_readable([self.fd()], PATIENCE) {
            Ok([ready]) if ready.contains(PollFlags::POLLIN) => Ok(self),
            _ => Err(InterceptionError::DoesNotWait { pid: self.pid }),
        }
    }
}

fn is_listener(process: &str, number: RawFd) -> bool {
    let link = fs::read_link(format!("/proc/{process}/fd/{number}"));
    link.is_ok_and(|target| target.as_os_str() == KIND)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
