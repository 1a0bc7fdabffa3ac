//! The monotonic clock, which the kernel programs read too, and waiting by it.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds, as `bpf_ktime_get_ns` gives it.
pub fn monotonic_ns() -> u64 {
    // The clock exists on every Linux; 0 would expire every lease, which fails open.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// Waits until one of `fds` is readable or `timeout` has passed, to the nanosecond.
pub fn wait_readable<const N: usize>(
    fds: [BorrowedFd<'_>; N],
    timeout: Duration,
) -> io::Result<[PollFlags; N]> {
    let mut polled = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    nix::poll::ppoll(&mut polled, Some(TimeSpec::from(timeout)), None)?;
    Ok(polled.map(|one| one.revents().unwrap_or(PollFlags::empty())))
}
