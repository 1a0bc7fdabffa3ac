//! Calls on processes and on the system.

use nix::unistd::{Pid, getpgid, getpid, getsid};
use rustix::io::{Errno, Result};
use rustix::process::{self, Resource, Rlimit};
use rustix::{thread, time};

use crate::calls::Call;

/// In a guest they may be 0, which not every library believes.
fn told(done: nix::Result<Pid>) -> Result<()> {
    done.map(drop)
        .map_err(|errno| Errno::from_raw_os_error(errno as i32))
}

/// More than are open.
const FILES: Rlimit = Rlimit {
    current: Some(256),
    maximum: Some(4096),
};

#[rustfmt::skip]
pub(crate) const CALLS: &[(&str, Call)] = &[
    ("getpgid", |_| told(getpgid(Some(getpid())))),
    ("getsid", |_| told(getsid(Some(getpid())))),
    ("kill", |_| process::test_kill_process(process::getpid())),
    ("setpriority", |_| process::setpriority_process(None, 0)),
    ("getpriority", |_| process::getpriority_process(None).map(drop)),
    ("sched_getaffinity", |_| thread::sched_getaffinity(None).map(drop)),
    ("prctl", |_| process::dumpable_behavior().map(drop)),
    ("chdir", |room| process::chdir(room.path("."))),
    ("pidfd_open", |_| {
        process::pidfd_open(process::getpid(), process::PidfdFlags::empty()).map(drop)
    }),
    ("timerfd_create", |_| {
        let (clock, flags) = (time::TimerfdClockId::Monotonic, time::TimerfdFlags::empty());
        time::timerfd_create(clock, flags).map(drop)
    }),
    ("prlimit64", |_| process::prlimit(None, Resource::Nofile, FILES).map(drop)),
];
