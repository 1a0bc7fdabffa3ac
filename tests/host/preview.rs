//! `temblor plan --count`: what would be hit is told, nothing is, and then exactly that can be.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::{Flavour, State as Frozen};
use injector_user::protocol::{Ended, State};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use temblor_tests::order::{Doer, SocketCall};
use temblor_tests::{Cgroup, Victim, finish, params, signal, wait_until};

use super::double::is_stopped;
use super::stage::{DEADLINE, Stage, await_end};

const LONG_MS: u64 = 60_000;

/// A third of the datagrams to the echo of the first family.
fn loss(stage: &Stage) -> std::collections::BTreeMap<String, String> {
    let target = stage.client_netns();
    params([
        ("target", &*target),
        ("duration", "60s"),
        ("peers", "10.77.0.0/16"),
        ("protocol", "udp"),
        ("probability", "30%"),
        ("seed", "42"),
    ])
}

#[test]
fn what_was_counted_is_what_the_fault_then_does() -> Result<()> {
    let mut stage = Stage::set()?;
    let (given, to) = (loss(&stage), stage.echoes[0]);
    let mut client = stage.engine.client()?;
    let counting = client.rehearse(Kind::NetLoss, &given, LONG_MS)?;
    let (answered, errors) = stage.client.datagrams(to, 100)?;
    assert_eq!((answered.len(), errors), (100, vec![]));
    let counted = client.stop_one(&counting)?;
    assert!(counted.rehearsal, "{counted:?}");
    assert_eq!(counted.counters.matched, 100, "{counted:?}");
    let armed = client.arm(Kind::NetLoss, &given)?;
    let (answered, _errors) = stage.client.datagrams(to, 100)?;
    let lost = 100 - answered.len() as u64;
    let report = client.stop_one(&armed)?;
    assert_eq!(counted.counters, report.counters);
    assert_eq!(
        (lost, &counted.suffered),
        (report.counters.injected, &report.suffered)
    );
    let places: Vec<_> = counted
        .suffered
        .iter()
        .map(|one| (one.who.contains(" of eth0 "), one.injected))
        .collect();
    assert_eq!(places, [(false, 0), (true, lost)], "{counted:?}");
    assert!((10..60).contains(&lost), "{lost}");
    stage.close()
}

#[test]
fn a_counted_fault_acts_from_its_beginning_when_it_is_armed() -> Result<()> {
    let mut stage = Stage::set()?;
    let (given, to) = (loss(&stage), stage.echoes[0]);
    let mut client = stage.engine.client()?;
    let armed = client.rehearse(Kind::NetLoss, &given, LONG_MS)?;
    assert_eq!(stage.client.datagrams(to, 100)?.0.len(), 100);
    let attached = client.status()?.0.attached;
    let counted = client.act(&armed)?;
    assert_eq!(
        client.status()?.0.attached,
        attached,
        "what is attached stays so"
    );
    let begun = client.snapshot(&armed.fault)?;
    assert_eq!((begun.rehearsal, begun.counters.matched), (false, 0));
    let lasts = begun.window.deadline_ns - begun.window.armed_ns;
    assert_eq!(Duration::from_nanos(lasts), Duration::from_mins(1));
    let answered = stage.client.datagrams(to, 100)?.0.len() as u64;
    let report = client.stop_one(&armed)?;
    assert_eq!(report.counters, counted.counters);
    assert_eq!(100 - answered, counted.counters.injected);
    stage.close()
}

#[test]
fn a_counted_delay_is_not_felt_before_it_acts() -> Result<()> {
    let mut stage = Stage::set()?;
    let (target, to) = (stage.client_netns(), stage.echoes[0]);
    let given = params([
        ("target", &*target),
        ("duration", "60s"),
        ("latency", "200ms"),
        ("peers", "10.77.0.0/16"),
    ]);
    let mut client = stage.engine.client()?;
    let armed = client.rehearse(Kind::NetDelay, &given, LONG_MS)?;
    let late = |time: &Option<u64>| time.is_none_or(|time| time > 150_000);
    let times = stage.client.udp_times(to, 5)?;
    assert!(!times.iter().any(late), "{times:?}");
    let counted = client.act(&armed)?;
    assert!(counted.counters.injected >= 5, "{counted:?}");
    assert_eq!(counted.felt, None, "{counted:?}");
    let times = stage.client.udp_times(to, 3)?;
    assert!(times.iter().all(late), "{times:?}");
    assert!(times.iter().any(Option::is_some), "{times:?}");
    client.stop_one(&armed)?;
    stage.close()
}

#[test]
fn callers_are_told_apart_by_process() -> Result<()> {
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let given = params([
        ("target", &*target),
        ("duration", "60s"),
        ("operation", "connect"),
        ("errno", "ECONNREFUSED"),
    ]);
    let armed = client.rehearse(Kind::SockError, &given, LONG_MS)?;
    assert_eq!(stage.client.calls(SocketCall::Connect, to, 3)?, [0; 3]);
    assert_eq!(stage.client.calls_by(Doer::Child, to, 2)?, [0; 2]);
    assert_eq!(stage.other.calls(SocketCall::Connect, to, 2)?, [0; 2]);
    let counted = client.act(&armed)?;
    let hit: Vec<_> = counted
        .suffered
        .iter()
        .map(|one| (one.stream, one.injected))
        .collect();
    assert_eq!(hit, [(Some(0), 3), (Some(1), 2)], "{counted:?}");
    assert!(counted.suffered[0].who.contains("victim ("), "{counted:?}");
    let refused = Errno::ECONNREFUSED as i32;
    assert_eq!(stage.client.calls_by(Doer::Child, to, 2)?, [refused; 2]);
    let report = client.stop_one(&armed)?;
    assert_eq!(
        report.suffered.len(),
        1,
        "its history is forgotten: {report:?}"
    );
    stage.close()
}

#[test]
fn pulses_are_counted_and_nobody_stands_still() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "counted")?;
    let stage = Stage::set()?;
    let mut victim = Victim::start()?;
    cgroup.enter(victim.pid())?;
    let mut client = stage.engine.client()?;
    let target = cgroup.target();
    let given = params([
        ("target", &*target),
        ("duration", "60s"),
        ("active", "10s"),
        ("count", "1"),
    ]);
    let armed = client.rehearse(Kind::ProcessFreeze, &given, LONG_MS)?;
    wait_until("the pulse is counted", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.counters.injected == 1)
    })?;
    assert_eq!(cgroup.state()?, Frozen::Thawed);
    assert!(victim.answers(DEADLINE)?);
    let counted = client.act(&armed)?;
    let expected = format!("cat ({})", victim.pid());
    assert_eq!(counted.suffered[0].who, expected);
    wait_until("the cgroup is frozen", DEADLINE, || {
        matches!(cgroup.state(), Ok(Frozen::Frozen))
    })?;
    client.stop_one(&armed)?;
    assert!(victim.answers(DEADLINE)?);
    drop(victim);
    stage.close()
}

#[test]
fn signals_are_counted_and_nobody_gets_one() -> Result<()> {
    let stage = Stage::set()?;
    let mut victim = Victim::start()?;
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", victim.pid());
    let given = params([
        ("target", &*target),
        ("duration", "60s"),
        ("signal", "STOP"),
        ("interval", "20ms"),
        ("count", "3"),
    ]);
    let armed = client.rehearse(Kind::ProcessSignal, &given, LONG_MS)?;
    wait_until("all rounds are counted", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.counters.injected == 3)
    })?;
    assert!(victim.answers(DEADLINE)?);
    let counted = client.act(&armed)?;
    assert_eq!(counted.suffered[0].injected, 3);
    wait_until("it is stopped", DEADLINE, || is_stopped(victim.pid()))?;
    client.stop_one(&armed)?;
    assert!(victim.answers(DEADLINE)?);
    drop(victim);
    stage.close()
}

#[test]
fn a_count_ends_with_whoever_asked_for_it() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = [
        "plan",
        "net.loss",
        "--target",
        &*target,
        "--duration",
        "60s",
        "--count",
        "1m",
    ];
    let mut command = stage.cli().start(&words)?;
    let mut observer = stage.engine.client()?;
    wait_until("it is counting", DEADLINE, || {
        observer.status().is_ok_and(|(_, faults)| faults.len() == 1)
    })?;
    let pid = command.id().cast_signed();
    signal(pid, Signal::SIGKILL)?;
    command.wait()?;
    wait_until("nothing is attached", DEADLINE, || {
        let status = observer.status();
        status.is_ok_and(|(engine, faults)| engine.attached == 0 && faults.is_empty())
    })?;
    stage.await_answers(2)?;
    stage.close()
}

#[test]
fn an_engine_killed_while_counting_leaves_nothing() -> Result<()> {
    let mut stage = Stage::set()?;
    let given = loss(&stage);
    let mut client = stage.engine.client()?;
    client.rehearse(Kind::NetLoss, &given, LONG_MS)?;
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    stage.engine.await_end()?;
    stage.await_answers(2)?;
    stage.close()
}

#[test]
fn what_nobody_lets_act_ends_by_itself() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let given = loss(&stage);
    let armed = client.rehearse(Kind::NetLoss, &given, 100)?;
    wait_until("its time is over", DEADLINE, || {
        stage.client.datagrams(stage.echoes[0], 1).is_ok()
            && client
                .snapshot(&armed.fault)
                .is_ok_and(|report| report.counters.expired > 0)
    })?;
    let report = await_end(&mut client, &armed.fault)?;
    let how = Ended::Deadline;
    assert_eq!(report.state, State::Ended { how });
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn the_command_line_counts_arms_and_says_both() -> Result<()> {
    let stage = Stage::set()?;
    let target = format!("pid:{}", stage.client.pid());
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events").to_string_lossy().into_owned();
    let mut words = vec![
        "plan",
        "process.signal",
        "--target",
        &target,
        "--duration",
        "1s",
    ];
    words.extend([
        "--signal",
        "CONT",
        "--interval",
        "100ms",
        "--count-for",
        "250ms",
    ]);
    let counted = stage.cli().run(&words)?;
    assert_eq!(counted.code, Some(0), "{counted:?}");
    assert!(counted.out.contains("would hit"), "{counted:?}");
    words.extend(["--arm", "--json", "--events", &file]);
    let said = finish(stage.cli().start(&words)?)?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = said.json()?;
    let injected = |what: &str| said[what]["counters"]["injected"].as_u64();
    assert!(
        injected("counted").is_some_and(|count| count >= 1),
        "{said}"
    );
    assert!(injected("report").is_some_and(|count| count >= 5), "{said}");
    let lines = fs::read_to_string(&file)?;
    let rehearsed = lines
        .lines()
        .filter(|line| line.contains("\"rehearsal\":true"));
    assert_eq!(
        rehearsed.count() as u64,
        injected("counted").context("it counted")?
    );
    stage.check_nothing_armed()?;
    stage.close()
}
