//! A process that has a dormitory's pages in its memory, and does nothing.
//!
//! Whoever reads the memory of another process holds the lock of that memory for as long as it takes. Were
//! it our own, each of our threads that wants more memory would wait for those who sleep.

use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getpid, getppid, pause, pipe2};

use super::fault::DormitoryError;
use crate::sys::fd::close_all_but;
use crate::sys::process::{reap, split_bare};

const NAME: &std::ffi::CStr = c"temblor-beds";

/// Killed with this value, or with the thread that has made it.
#[derive(Debug)]
pub(super) struct Holder(Pid);

/// Both ends of what tells that a holder is there.
#[derive(Debug)]
pub(super) struct Sign {
    /// Hung up when it is gone.
    pub(super) seen: OwnedFd,
    pub(super) given: OwnedFd,
}

impl Sign {
    pub(super) fn new() -> nix::Result<Self> {
        let (seen, given) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(Self { seen, given })
    }
}

impl Holder {
    /// Has everything in its memory that this process has, at the same addresses.
    pub(super) fn start(given: &OwnedFd) -> Result<Self, DormitoryError> {
        let parent = getpid();
        let born = split_bare(|| hold(parent, given));
        born.map(Self)
            .map_err(|errno| DormitoryError::Start(errno.into()))
    }

    pub(super) fn pid(&self) -> u64 {
        u64::from(self.0.as_raw().cast_unsigned())
    }
}

/// What it does: only system calls, until it is killed.
fn hold(parent: Pid, given: &OwnedFd) -> i32 {
    let mut keep = [given.as_raw_fd()];
    let apart = close_all_but(&mut keep)
        .and_then(|()| prctl::set_pdeathsig(Signal::SIGKILL))
        .and_then(|()| SigSet::all().thread_block());
    // For people; without it, it is called as we are.
    let _named = prctl::set_name(NAME);
    if apart.is_err() {
        return 1;
    }
    // Had we ended before it asked to be killed then, nobody would.
    while getppid() == parent {
        pause();
    }
    0
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It is our child, so that nobody else can have its number.
        let killed = kill(self.0, Signal::SIGKILL);
        debug_assert!(killed.is_ok(), "{killed:?}");
        let reaped = reap(self.0, 0);
        debug_assert!(reaped.is_ok(), "{reaped:?}");
    }
}
