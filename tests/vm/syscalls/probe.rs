//! Calls of programs that have probes where they make them; refused where the kernel lets no program
//! change registers.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use temblor_tests::{
    Armed, Caller, Cgroup, Client, Engine, HostSnapshot, params, signal, wait_until,
};

use super::call::DEADLINE;

/// Calls, and by which deeds the C library makes them: of others nobody knows where the number is set.
const CALLS: [&str; 3] = [PREAD, FSYNC, "getsid"];
const DEEDS: [&str; 3] = [READ, SYNC, "getsid"];
const PREAD: &str = "pread64";
const READ: &str = "read by libc";
const FSYNC: &str = "fsync";
const SYNC: &str = "sync by libc";
const EIO: i32 = Errno::EIO as i32;

/// Lets these calls suffer; none where the kernel takes no such program, which is said.
fn arm(
    client: &mut Client,
    target: &str,
    calls: &[&str],
    more: &[(&str, &str)],
) -> Result<Option<Armed>> {
    let calls = calls.join(",");
    let basic = [
        ("target", target),
        ("duration", "10m"),
        ("syscalls", &calls),
        ("backend", "uprobe"),
    ];
    let given = basic.into_iter().chain(more.iter().copied());
    match client.arm(Kind::SyscallError, &params(given)) {
        Ok(armed) => Ok(Some(armed)),
        Err(refused) if is_of_this_kernel(&format!("{refused:#}")) => Ok(None),
        Err(refused) => Err(refused),
    }
}

fn is_of_this_kernel(said: &str) -> bool {
    let reasons = [
        "does not accept the program",
        "has no such",
        "lets no program of a probe",
        "cannot use helper",
    ];
    said.contains("uprobe: this kernel") && reasons.iter().any(|reason| said.contains(reason))
}

fn pid(caller: &Caller) -> String {
    format!("pid:{}", caller.pid())
}

#[test]
fn they_fail_for_the_target_and_for_nobody_else_and_no_more_when_it_is_over() -> Result<()> {
    let mut victim = Caller::start(20, &DEEDS)?;
    let mut sibling = Caller::start(1, &DEEDS)?;
    let before = HostSnapshot::take(&[HostSnapshot::HERE])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let given = [("errno", "EIO,ENOSPC"), ("seed", "4")];
    let Some(armed) = arm(&mut client, &pid(&victim), &CALLS, &given)? else {
        return engine.end();
    };
    let other = sibling.round()?;
    let told = victim.round()?;
    let report = client.stop_one(&armed)?;
    for call in DEEDS {
        let both = [EIO, Errno::ENOSPC as i32].map(|errno| told[call].contains(&errno));
        assert_eq!(
            (told[call].len(), both),
            (20, [true, true]),
            "{call}: {told:?}"
        );
        assert!(!told[call].contains(&0), "{call}: {told:?}");
        assert_eq!(other[call], [0], "{call}");
    }
    assert_eq!(report.counters.injected, 60, "{report:?}");
    let after = victim.round()?;
    assert!(after.values().all(|errnos| *errnos == [0]), "{after:?}");
    engine.end()?;
    before.await_same()
}

#[test]
fn what_is_not_meant_passes_and_is_made() -> Result<()> {
    let mut victim = Caller::start(8, &[READ, SYNC])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let given = [("errno", "EIO"), ("when", "3+3"), ("size", "8")];
    let Some(armed) = arm(&mut client, &pid(&victim), &[PREAD], &given)? else {
        return engine.end();
    };
    let told = victim.round()?;
    assert_eq!(told[READ], [0, 0, EIO, 0, 0, EIO, 0, 0]);
    assert_eq!(told[SYNC], [0; 8]);
    let report = client.stop_one(&armed)?;
    assert_eq!(report.counters.matched, 8, "{report:?}");
    engine.end()
}

#[test]
fn of_two_faults_at_one_place_each_is_told_to_have_done_what_it_did() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut victim = Caller::start_in(folder.path(), 20, &[READ])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let given = [("errno", "ENOSPC"), ("when", "3+2")];
    let Some(one) = arm(&mut client, &pid(&victim), &[PREAD], &given)? else {
        return engine.end();
    };
    let path = format!("{}/", folder.path().display());
    let given = [
        ("target", &*pid(&victim)),
        ("duration", "10m"),
        ("path", &*path),
        ("when", "2+3"),
        ("backend", "uprobe"),
    ];
    let other = client.arm(Kind::DiskError, &params(given))?;
    let told = victim.round()?;
    // Whichever comes first: a call that it takes is none for the other.
    let failed = |errno| told[READ].iter().filter(|told| **told == errno).count() as u64;
    let [full, broken] = [Errno::ENOSPC as i32, EIO].map(failed);
    assert!(full > 3 && broken > 3 && full + broken < 20, "{told:?}");
    assert_eq!(client.stop_one(&one)?.counters.injected, full, "{told:?}");
    // And in what the victim does to be ready again.
    let injected = client.stop_one(&other)?.counters.injected;
    assert!(injected >= broken, "{injected} {told:?}");
    assert_eq!(victim.round()?[READ], [0]);
    engine.end()
}

#[test]
fn a_transfer_may_be_made_in_part() -> Result<()> {
    let mut victim = Caller::start(4, &[READ])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let given = [("short", "50%"), ("when", "2+2")];
    let Some(armed) = arm(&mut client, &pid(&victim), &[PREAD], &given)? else {
        return engine.end();
    };
    let told = victim.round()?;
    let short = Errno::EMSGSIZE as i32;
    assert_eq!(told[READ], [0, short, 0, short]);
    client.stop_one(&armed)?;
    assert_eq!(victim.round()?[READ], [0]);
    engine.end()
}

#[test]
fn whoever_enters_the_cgroup_is_reached() -> Result<()> {
    if !Cgroup::is_possible(Flavour::V2)? {
        return Ok(());
    }
    let cgroup = Cgroup::make(Flavour::V2, "probe")?;
    let mut first = Caller::start(1, &[SYNC])?;
    let mut second = Caller::start(1, &[SYNC])?;
    cgroup.enter(first.pid())?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let given = [("errno", "EIO")];
    let Some(armed) = arm(&mut client, &cgroup.target(), &[FSYNC], &given)? else {
        return engine.end();
    };
    assert_eq!(first.round()?[SYNC], [EIO]);
    assert_eq!(second.round()?[SYNC], [0]);
    cgroup.enter(second.pid())?;
    wait_until("it is reached", DEADLINE, || {
        second.round().is_ok_and(|told| told[SYNC] == [EIO])
    })?;
    client.stop_one(&armed)?;
    assert_eq!(second.round()?[SYNC], [0]);
    drop((first, second));
    engine.end()
}

/// Whatever is done to the engine, the calls succeed again.
fn check_end(end: Signal) -> Result<()> {
    let mut victim = Caller::start(1, &[SYNC])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let given = [("errno", "EIO")];
    if arm(&mut client, &pid(&victim), &[FSYNC], &given)?.is_none() {
        return engine.end();
    }
    assert_eq!(victim.round()?[SYNC], [EIO]);
    signal(engine.pid(), end)?;
    wait_until("it is over", DEADLINE, || {
        victim.round().is_ok_and(|told| told[SYNC] == [0])
    })
    .context("of a victim that still runs")?;
    Ok(())
}

#[test]
fn they_succeed_when_the_engine_is_killed() -> Result<()> {
    check_end(Signal::SIGKILL)
}

#[test]
fn they_succeed_when_the_engine_is_stopped() -> Result<()> {
    check_end(Signal::SIGSTOP)
}
