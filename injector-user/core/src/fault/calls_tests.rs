//! What faults mean that are made of system calls, and what is wrong with them.

use std::time::Duration;

use crate::fault::syscall::{Crash, Failing, LONGEST, Moment, Outcome, Resource, Syscall};
use crate::fault::{Errno, FaultSpec, Given, Kind, parse};

fn read(text: &str) -> Result<FaultSpec, String> {
    let mut words = text.split_whitespace();
    let kind: Kind = words.next().unwrap().parse().unwrap();
    let words = words.chain(["target=pid:7", "duration=1s"]);
    let given = words.map(|word| {
        let (name, text) = word.split_once('=').unwrap();
        (name.to_owned(), Given::flag(name, text))
    });
    parse(kind, &given.collect()).map_err(|problems| problems.render())
}

fn failing(text: &str) -> Failing {
    read(text).unwrap().action.failing().unwrap()
}

#[track_caller]
fn check(text: &str, errno: Errno, with: &[&str], without: &[&str]) {
    let failing = failing(text);
    assert_eq!(failing.outcome, Outcome::from(errno), "{text}");
    let calls = failing.syscalls.all();
    let has = |name: &&str| calls.contains(&Syscall::from_name(name).unwrap());
    assert!(with.iter().all(has), "{text}");
    assert!(!without.iter().any(has), "{text}");
}

#[track_caller]
fn check_bad(text: &str, said: &str) {
    let problems = read(text).unwrap_err();
    assert!(problems.contains(said), "{text}: {problems}");
}

#[test]
fn limits_mean_what_reaches_them() {
    let (opening, forking) = (["openat", "accept4", "pipe2", "dup"], ["clone3", "vfork"]);
    check("process.fd_limit", Errno::EMFILE, &opening, &forking);
    check(
        "process.fd_limit errno=ENFILE",
        Errno::ENFILE,
        &opening,
        &["read"],
    );
    check("process.fork_error", Errno::EAGAIN, &forking, &opening);
    let limit = failing("process.fd_limit");
    assert_eq!(limit.asks_for, Some(Resource::Descriptor));
    check_bad(
        "process.fd_limit errno=EIO",
        "EMFILE or ENFILE; syscall.error gives any",
    );
    check_bad("process.fork_error errno=EPERM", "EAGAIN or ENOMEM");
}

#[test]
fn memory_is_asked_for_by_calls_that_can_be_refused() {
    let asking = ["mmap", "brk", "mprotect", "clone"];
    check(
        "memory.error",
        Errno::ENOMEM,
        &asking,
        &["munmap", "execve"],
    );
    assert_eq!(failing("memory.error").asks_for, Some(Resource::Memory));
}

#[test]
fn disks_are_told_by_a_path() {
    let (reading, syncing) = (["read", "getdents64"], ["fsync", "fdatasync"]);
    check(
        "disk.error path=/a/",
        Errno::EIO,
        &["write", "read", "fsync"],
        &["openat"],
    );
    check(
        "disk.error path=/a/ operation=sync",
        Errno::EIO,
        &syncing,
        &reading,
    );
    check(
        "disk.error path=/a/ errno=ETIMEDOUT",
        "ETIMEDOUT".parse().unwrap(),
        &reading,
        &[],
    );
    check(
        "disk.full path=/a/",
        Errno::ENOSPC,
        &["write", "mkdir", "openat"],
        &["read"],
    );
    check(
        "disk.full path=/a/ errno=EDQUOT",
        Errno::EDQUOT,
        &["fallocate"],
        &["unlink"],
    );
    check(
        "disk.readonly path=/a/",
        Errno::EROFS,
        &["unlink", "chmod"],
        &["read", "fsync"],
    );
    for kind in ["disk.error", "disk.full", "disk.readonly"] {
        check_bad(kind, "needs `path`");
        check_bad(&format!("{kind} path=a"), "`a`");
    }
    check_bad("disk.full path=/a/ after=64", "64KiB");
    check_bad("disk.full path=/a/ errno=EIO", "ENOSPC or EDQUOT");
    check_bad("disk.error path=/a/ operation=seek", "what a disk does");
}

#[test]
fn what_was_asked_for_by_name_has_to_be_possible() {
    let fsync = Syscall::from_name("fsync").unwrap();
    let names = |text: &str| failing(text).syscalls.names(fsync);
    assert!(names("disk.error path=/a/ operation=sync,read"));
    assert!(!names("disk.error path=/a/"));
}

#[test]
fn a_crash_is_a_signal_at_a_call() {
    let outcome = |text: &str| failing(&format!("process.crash syscalls=fsync {text}")).outcome;
    let crash = |signal: &str, moment| {
        let signal = signal.parse().unwrap();
        Outcome::Crashes(Crash { signal, moment })
    };
    assert_eq!(outcome("path=/a/"), crash("KILL", Moment::Before));
    assert_eq!(
        outcome("signal=11 moment=after"),
        crash("SEGV", Moment::After)
    );
    check_bad("process.crash syscalls=fsync signal=STOP", "process.freeze");
    check_bad("process.crash syscalls=fsync signal=NONE", "not a signal");
    check_bad("process.crash signal=KILL", "needs `syscalls`");
    check_bad("process.crash syscalls=fsync moment=later", "before");
    check_bad(
        "process.crash syscalls=fsync moment=after backend=lsm",
        "leave `backend` away",
    );
    check_bad(
        "process.crash syscalls=getpid path=/a/",
        "a path or a file descriptor",
    );
}

#[test]
fn a_delay_is_a_sleep_with_a_cap() {
    let sleep = |text: &str| {
        let failing = failing(&format!("syscall.delay syscalls=fsync latency=20ms {text}"));
        let Outcome::Delays(sleep) = failing.outcome else {
            panic!("{text}");
        };
        (sleep.latency.jitter, sleep.cap, sleep.moment)
    };
    let (none, five) = (Duration::ZERO, Duration::from_secs(5));
    assert_eq!(sleep(""), (none, five, Some(Moment::Before)));
    assert_eq!(
        sleep("jitter=5ms distribution=normal cap=30s moment=after"),
        (Duration::from_millis(5), LONGEST, Some(Moment::After))
    );
    let bad =
        |text: &str, said: &str| check_bad(&format!("syscall.delay syscalls=fsync {text}"), said);
    bad("", "needs `latency`");
    bad("latency=20", "has no unit");
    bad("latency=31s", "`31s` is not between 10us and 30s");
    bad("latency=6s", "at most 5s, or a higher `cap`, up to 30s");
    bad("latency=1s cap=31s", "`31s` is not between 10us and 30s");
    bad(
        "latency=1s jitter=2s",
        "a jitter of 2s is more than the latency of 1s",
    );
    bad(
        "latency=1s distribution=normal",
        "means nothing without jitter",
    );
    bad("latency=1s moment=later", "before");
    bad("latency=1s correlation=50%", "belongs to");
    check_bad("syscall.delay latency=1s", "needs `syscalls`");
}
