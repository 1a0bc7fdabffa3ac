//! Calls whose callers sleep: as long as was asked, all at once, and no longer than the fault lives.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{FaultReport, State};
use injector_user::target::folder;
use nix::sys::signal::Signal;
use procfs::process::Process;
use temblor_tests::{Caller, Commanded, signal, wait_until};

use super::scene::{close, file, leave, run_kind};
use crate::stage::{DEADLINE, Stage};

/// Far longer than anybody waits here.
const LONG: [(&str, &str); 2] = [("latency", "30s"), ("cap", "30s")];

/// A caller, ready for its first round, whose `fsync` takes longer.
fn slow(stage: &Stage, call: &str, given: &[(&str, &str)]) -> Result<Commanded> {
    let command = Caller::command(&std::env::temp_dir(), 1, &[call])?;
    let basic = [("syscalls", "fsync"), ("backend", "seccomp")];
    let given: Vec<_> = basic.into_iter().chain(given.iter().copied()).collect();
    let mut slow = Commanded::start_with(&stage.engine, Kind::SyscallDelay, &command, &given)?;
    slow.client.act(&slow.armed)?;
    Ok(slow)
}

/// One that sleeps.
fn asleep(stage: &Stage, duration: &str) -> Result<Commanded> {
    let given: Vec<_> = LONG.into_iter().chain([("duration", duration)]).collect();
    let mut slow = slow(stage, "fsync", &given)?;
    slow.caller.begin()?;
    let fault = slow.armed.fault.clone();
    wait_until("it sleeps", DEADLINE, || {
        let report = slow.client.snapshot(&fault);
        report.is_ok_and(|report| report.counters.injected == 1)
    })?;
    Ok(slow)
}

/// Its call is made long before the time that was asked for, and the next one at once.
fn check_awake(slow: &mut Commanded) -> Result<()> {
    let begun = Instant::now();
    assert_eq!(slow.caller.tell()?["fsync"], [0]);
    assert_eq!(slow.one("fsync")?, 0);
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    Ok(())
}

/// How long it has used a processor, in clock ticks.
fn ticks(pid: i32) -> Result<u64> {
    let stat = Process::new(pid)?.stat()?;
    Ok(stat.utime + stat.stime)
}

#[test]
fn a_caller_sleeps_as_long_as_was_asked() -> Result<()> {
    let stage = Stage::set()?;
    let given = [("latency", "700ms"), ("duration", "60s")];
    let mut slow = slow(&stage, "fsync", &given)?;
    let before = ticks(slow.caller.pid())?;
    let begun = Instant::now();
    assert_eq!(slow.one("fsync")?, 0);
    assert!(begun.elapsed() >= Duration::from_millis(700));
    // A tick is 10 ms.
    let used = ticks(slow.caller.pid())? - before;
    assert!(used < 35, "{used} of 70 ticks");
    let armed = slow.armed.clone();
    let report = slow.client.stop_one(&armed)?;
    assert_eq!(report.counters.injected, 1, "{report:?}");
    assert!(report.counters.identity_holds());
    drop(slow);
    close(stage)
}

#[test]
fn a_sleep_is_never_longer_than_the_cap() -> Result<()> {
    let stage = Stage::set()?;
    // Half of them would be longer than 300 ms, were it not for the cap.
    let given = [
        ("latency", "300ms"),
        ("jitter", "300ms"),
        ("cap", "300ms"),
        ("duration", "60s"),
    ];
    let mut slow = slow(&stage, "fsync", &given)?;
    let mut sleeps = Vec::new();
    for _ in 0..12 {
        let begun = Instant::now();
        assert_eq!(slow.one("fsync")?, 0);
        sleeps.push(begun.elapsed());
    }
    sleeps.sort();
    let asked = Duration::from_millis(300);
    assert!(sleeps[0] < asked && sleeps[11] >= asked, "{sleeps:?}");
    drop(slow);
    close(stage)
}

#[test]
fn the_last_of_so_many_hits_is_as_slow_as_the_others() -> Result<()> {
    let stage = Stage::set()?;
    let given = [("latency", "1s"), ("max_hits", "1"), ("duration", "60s")];
    let mut slow = slow(&stage, "fsync", &given)?;
    let begun = Instant::now();
    assert_eq!(slow.one("fsync")?, 0);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let (fault, mut last) = (slow.armed.fault.clone(), None);
    wait_until("it has ended by itself", DEADLINE, || {
        last = slow.client.snapshot(&fault).ok();
        let ended = |report: &FaultReport| matches!(report.state, State::Ended { .. });
        last.as_ref().is_some_and(ended)
    })?;
    assert_eq!(last.map(|report| report.counters.injected), Some(1));
    drop(slow);
    close(stage)
}

#[test]
fn hundreds_sleep_at_the_same_time() -> Result<()> {
    let stage = Stage::set()?;
    let given = [("latency", "2s"), ("duration", "60s")];
    let mut slow = slow(&stage, "sync in many threads", &given)?;
    let begun = Instant::now();
    assert_eq!(slow.one("sync in many threads")?, 0);
    let took = begun.elapsed();
    // One after the other would take twenty minutes.
    assert!(
        took >= Duration::from_secs(2) && took < DEADLINE,
        "{took:?}"
    );
    let armed = slow.armed.clone();
    let counters = slow.client.stop_one(&armed)?.counters;
    assert_eq!((counters.matched, counters.injected), (600, 600));
    drop(slow);
    close(stage)
}

#[test]
fn only_the_calls_that_are_meant_are_slow() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let (slow, quick) = (file(&folder, "slow")?, file(&folder, "quick")?);
    let given = format!("--syscalls fsync --path {} --latency 1s", slow.display());
    let script = format!(
        "took() {{ a=$(date +%s%N); sync $1; b=$(date +%s%N); echo \":$(((b - a) / 1000000))\"; }} >&2; \
         took {}; took {}",
        slow.display(),
        quick.display()
    );
    let ran = run_kind(&stage, "syscall.delay", &given, &script)?;
    let took: Vec<u64> = ran
        .lines
        .iter()
        .map(|line| line.parse())
        .collect::<Result<_, _>>()?;
    assert!(took[0] >= 1_000 && took[1] < took[0], "{took:?}");
    assert_eq!(
        (ran.count("matched"), ran.count("injected")),
        (Some(1), Some(1))
    );
    close(stage)
}

#[test]
fn a_signal_that_is_handled_shortens_no_sleep() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let path = file(&folder, "file")?;
    let given = format!("--syscalls openat --path {} --latency 2s", path.display());
    let script = format!(
        "trap 'echo :rang >&2' USR1; me=$$; (sleep 0.5; kill -USR1 $me) & a=$(date +%s%N); \
         : >>{}; b=$(date +%s%N); wait; echo \":$(((b - a) / 1000000))\" >&2",
        path.display()
    );
    let ran = run_kind(&stage, "syscall.delay", &given, &script)?;
    let [rang, took] = &ran.lines[..] else {
        panic!("{ran:?}");
    };
    assert_eq!(rang, "rang");
    assert!(took.parse::<u64>()? >= 2_000, "{took}");
    close(stage)
}

#[test]
fn a_deadline_wakes_who_sleeps() -> Result<()> {
    let stage = Stage::set()?;
    let mut slow = asleep(&stage, "1s")?;
    check_awake(&mut slow)?;
    drop(slow);
    close(stage)
}

#[test]
fn a_stop_wakes_who_sleeps() -> Result<()> {
    let stage = Stage::set()?;
    let mut slow = asleep(&stage, "60s")?;
    let said = stage.cli().run(&["stop"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    check_awake(&mut slow)?;
    drop(slow);
    close(stage)
}

#[test]
fn a_client_that_goes_wakes_who_sleeps() -> Result<()> {
    let stage = Stage::set()?;
    let mut slow = asleep(&stage, "60s")?;
    slow.client = stage.engine.client()?;
    check_awake(&mut slow)?;
    drop(slow);
    close(stage)
}

#[test]
fn a_killed_engine_wakes_who_sleeps() -> Result<()> {
    let stage = Stage::set()?;
    let mut slow = asleep(&stage, "60s")?;
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    check_awake(&mut slow)?;
    drop(slow);
    leave(stage)
}

#[test]
fn a_stopped_engine_lets_nobody_sleep_on() -> Result<()> {
    let stage = Stage::set()?;
    let mut slow = asleep(&stage, "60s")?;
    signal(stage.engine.pid(), Signal::SIGSTOP)?;
    check_awake(&mut slow)?;
    drop(slow);
    leave(stage)
}

#[test]
fn a_stopped_keeper_lets_nobody_sleep_on() -> Result<()> {
    let stage = Stage::set()?;
    let mut slow = asleep(&stage, "60s")?;
    signal(stage.engine.keeper(), Signal::SIGSTOP)?;
    let armed = slow.armed.clone();
    slow.client.stop_one(&armed)?;
    check_awake(&mut slow)?;
    signal(stage.engine.keeper(), Signal::SIGCONT)?;
    drop(slow);
    close(stage)
}

#[test]
fn who_sleeps_can_be_killed() -> Result<()> {
    let stage = Stage::set()?;
    let mut slow = asleep(&stage, "60s")?;
    let pid = slow.caller.pid();
    let begun = Instant::now();
    signal(pid, Signal::SIGKILL)?;
    wait_until("it has ended", DEADLINE, || {
        slow.caller.has_ended().unwrap_or(true)
    })?;
    assert!(begun.elapsed() < DEADLINE);
    drop(slow);
    close(stage)
}

#[test]
fn who_sleeps_can_be_frozen() -> Result<()> {
    let stage = Stage::set()?;
    let mut slow = asleep(&stage, "60s")?;
    let cgroup = cgroup_of(slow.caller.pid())?;
    let freezer = cgroup.join("cgroup.freeze");
    fs::write(&freezer, "1")?;
    wait_until("it stands still", DEADLINE, || {
        let events = fs::read_to_string(cgroup.join("cgroup.events"));
        events.is_ok_and(|events| events.contains("frozen 1"))
    })?;
    fs::write(&freezer, "0")?;
    assert_eq!(slow.caller.tell()?["fsync"], [0]);
    let armed = slow.armed.clone();
    slow.client.stop_one(&armed)?;
    drop(slow);
    close(stage)
}

fn cgroup_of(pid: i32) -> Result<std::path::PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let path = path.context("a cgroup of version 2")?;
    folder(&injector_core::plan::Hierarchy::V2, path).context("it is mounted")
}
