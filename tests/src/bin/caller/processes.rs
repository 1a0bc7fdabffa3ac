//! Calls on processes and on the system.

use rustix::process::{self, Resource, Rlimit};
use rustix::{thread, time};

use crate::calls::Call;

/// More than are open.
const FILES: Rlimit = Rlimit {
    current: Some(256),
    maximum: Some(4096),
};

#[rustfmt::skip]
pub(crate) const CALLS: &[(&str, Call)] = &[
    ("getpgid", |_| process::getpgid(None).map(drop)),
    ("getsid", |_| process::getsid(None).map(drop)),
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
