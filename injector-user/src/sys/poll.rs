//! Waiting for descriptors with a timer as fine as the kernel's.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags};
use nix::sys::time::TimeSpec;

/// Waits until one of `fds` is readable or `timeout` has passed, to the nanosecond.
pub fn wait_readable<const N: usize>(
    fds: [BorrowedFd<'_>; N],
    timeout: Duration,
) -> io::Result<[PollFlags; N]> {
    let mut polled = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    nix::poll::ppoll(&mut polled, Some(TimeSpec::from(timeout)), None)?;
    Ok(polled.map(|one| one.revents().unwrap_or(PollFlags::empty())))
}
