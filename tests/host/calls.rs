//! `syscall.error` at the hooks of a cgroup: which calls fail, whose, and what is said of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use injector_user::protocol::FaultReport;
use temblor_tests::{
    Actor, Armed, Caller, Cgroup, Client, Engine, Foreign, Manner, Told, alone, params, wait_until,
};

use crate::stage::DEADLINE;

/// All that pass such a hook and that a caller can make.
const CALLS: [&str; 6] = [
    "socket",
    "bind",
    "connect",
    "sendto",
    "setsockopt",
    "getsockopt",
];

fn arm(client: &mut Client, target: &str, calls: &[&str], more: &[(&str, &str)]) -> Result<Armed> {
    let calls = calls.join(",");
    let basic = [
        ("target", target),
        ("duration", "10m"),
        ("seed", "4"),
        ("syscalls", &calls),
        ("backend", "cgroup"),
    ];
    client.arm(
        Kind::SyscallError,
        &params(basic.into_iter().chain(more.iter().copied())),
    )
}

/// Lets a caller make its calls while the fault acts, and tells what they gave.
fn suffer(
    client: &mut Client,
    armed: &Armed,
    victim: &mut Caller,
    expected: u64,
) -> Result<(Told, FaultReport)> {
    victim.begin()?;
    let mut counted = 0;
    let made = wait_until("all calls were counted", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        counted = report.map_or(0, |report| report.counters.matched);
        counted >= expected
    });
    let report = client.stop_one(armed)?;
    let told = victim.tell()?;
    made.with_context(|| format!("{counted} of {expected}: {told:?}"))?;
    Ok((told, report))
}

/// What is left of them if the fault does nothing.
fn untouched(told: &Told) -> BTreeMap<&String, &Vec<i32>> {
    told.iter().filter(|(_, errnos)| **errnos != [0]).collect()
}

#[test]
fn each_call_fails_with_each_errno_and_for_nobody_else() -> Result<()> {
    let _alone = alone()?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let mut victim = Caller::start(Caller::TIMES, &CALLS)?;
    let mut sibling = Caller::start(1, &CALLS)?;
    let target = format!("pid:{}", victim.pid());
    let armed = arm(
        &mut client,
        &target,
        &CALLS,
        &[("errno", &Caller::ERRNOS.join(","))],
    )?;
    let other = sibling.round()?;
    let made = (CALLS.len() * Caller::TIMES) as u64;
    let (told, report) = suffer(&mut client, &armed, &mut victim, made)?;
    let expected = Caller::errnos()?;
    for (call, errnos) in &told {
        let found: BTreeSet<i32> = errnos.iter().copied().collect();
        assert_eq!(found, expected, "{call}");
    }
    assert_eq!(report.counters.injected, made, "{report:?}");
    assert_eq!(untouched(&other), BTreeMap::new());
    assert_eq!(untouched(&victim.round()?), BTreeMap::new());
    engine.end()
}

#[test]
fn calls_that_pass_the_same_hook_are_told_apart() -> Result<()> {
    let _alone = alone()?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let mut victim = Caller::start(2, &["sendto", "connect"])?;
    let target = format!("pid:{}", victim.pid());
    let given = [("errno", "EIO")];
    // By the hook that `sendto` passes too.
    let armed = arm(&mut client, &target, &["connect", "sendmsg"], &given)?;
    let (told, report) = suffer(&mut client, &armed, &mut victim, 2)?;
    assert_eq!(told["connect"], [5, 5]);
    assert_eq!(told["sendto"], [0, 0]);
    assert_eq!(report.counters.matched, 2, "{report:?}");
    engine.end()
}

#[test]
fn whoever_is_in_the_cgroup_is_meant() -> Result<()> {
    let _alone = alone()?;
    let cgroup = Cgroup::make(Flavour::V2, "calls")?;
    let mut first = Caller::start(1, &["socket"])?;
    let mut second = Caller::start(1, &["socket"])?;
    cgroup.enter(first.pid())?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let armed = arm(
        &mut client,
        &cgroup.target(),
        &["socket"],
        &[("errno", "EMFILE")],
    )?;
    first.begin()?;
    assert_eq!(second.round()?["socket"], [0]);
    cgroup.enter(second.pid())?;
    second.begin()?;
    wait_until("both have failed", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.counters.injected == 2)
    })?;
    client.stop_one(&armed)?;
    assert_eq!(first.tell()?["socket"], [24]);
    assert_eq!(second.tell()?["socket"], [24]);
    drop((first, second));
    engine.end()
}

#[test]
fn a_protected_process_in_the_cgroup_is_left_alone() -> Result<()> {
    use temblor_tests::order::SocketCall::Socket;
    let cgroup = Cgroup::make(Flavour::V2, "guard")?;
    let mut stage = crate::stage::Stage::set()?;
    let to = stage.echoes[0];
    cgroup.enter(stage.client.pid())?;
    let mut before = Actor::start_as("sshd", &stage.world.client.netns)?;
    let mut client = stage.engine.client()?;
    let calls = arm(
        &mut client,
        &cgroup.target(),
        &["socket"],
        &[("errno", "EMFILE")],
    )?;
    // Whoever was protected already never suffers.
    cgroup.enter(before.pid())?;
    assert_eq!(before.calls(Socket, to, 3)?, [0; 3]);
    // Somebody new is once it was looked at.
    let mut after = Actor::start_as("sshd", &stage.world.client.netns)?;
    cgroup.enter(after.pid())?;
    wait_until("the newcomer is left alone", DEADLINE, || {
        let felt = after.calls(Socket, to, 1);
        felt.is_ok_and(|felt| felt == [0])
    })?;
    assert_eq!(stage.client.calls(Socket, to, 3)?, [24; 3]);
    wait_until("it is said", DEADLINE, || {
        let report = client.snapshot(&calls.fault);
        let said = |warning: &String| warning.contains("is protected: it is left alone");
        report.is_ok_and(|report| report.warnings.iter().any(said))
    })?;
    client.stop_one(&calls)?;
    let cgroup_target = cgroup.target();
    let given = [
        ("target", &*cgroup_target),
        ("duration", "60s"),
        ("operation", "socket"),
        ("errno", "EMFILE"),
    ];
    // Now it is in the target from the beginning, which is refused.
    let refused = client.arm(Kind::SockError, &params(given)).err();
    assert!(refused.is_some());
    before.end()?;
    after.end()?;
    let armed = client.arm(Kind::SockError, &params(given))?;
    let mut late = Actor::start_as("sshd", &stage.world.client.netns)?;
    cgroup.enter(late.pid())?;
    wait_until("of both kinds of fault", DEADLINE, || {
        let felt = late.calls(Socket, to, 1);
        felt.is_ok_and(|felt| felt == [0])
    })?;
    assert_eq!(stage.client.calls(Socket, to, 2)?, [24; 2]);
    client.stop_one(&armed)?;
    late.end()?;
    stage.close()
}

/// Refused with these words in the message or the hint.
fn check_refused(calls: &[&str], more: &[(&str, &str)], words: &[&str]) -> Result<()> {
    let _alone = alone()?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let mut victim = Caller::start(1, &["socket"])?;
    let target = format!("pid:{}", victim.pid());
    let refused = arm(&mut client, &target, calls, more).map(|armed| armed.plan);
    let said = format!("{:#}", refused.err().context("it is refused")?);
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(untouched(&victim.round()?), BTreeMap::new());
    engine.end()
}

#[test]
fn what_cannot_be_done_there_is_refused_and_the_reason_is_said() -> Result<()> {
    let error = ("errno", "EIO");
    let cases: [(&[&str], &[(&str, &str)], &[&str]); 4] = [
        (
            &["read"],
            &[error],
            &["`read`", "passes no hook of a cgroup"],
        ),
        (
            &["socket"],
            &[("retval", "7")],
            &["can fail there, not succeed"],
        ),
        (
            &["sendto"],
            &[error, ("size", "8..")],
            &["how many bytes it is about is not told there"],
        ),
        (
            &["sendto"],
            &[error, ("fd", "file")],
            &["it is about sockets only"],
        ),
    ];
    cases
        .into_iter()
        .try_for_each(|(calls, more, words)| check_refused(calls, more, words))
}

#[test]
fn calls_that_nobody_can_tell_are_counted_and_left_alone() -> Result<()> {
    for manner in [Manner::Compat, Manner::Ring] {
        let _alone = alone()?;
        let engine = Engine::start()?;
        let mut client = engine.client()?;
        let mut foreign = Foreign::start(manner)?;
        let target = format!("pid:{}", foreign.pid());
        let armed = arm(
            &mut client,
            &target,
            &["connect"],
            &[("errno", "ENETUNREACH")],
        )?;
        assert_eq!(foreign.call()?, 0, "{manner:?}");
        let counters = client.stop_one(&armed)?.counters;
        assert_eq!((counters.matched, counters.foreign), (0, 1), "{manner:?}");
        engine.end()?;
    }
    Ok(())
}
