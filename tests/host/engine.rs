//! The engine as its clients have it: what it is told, how it starts and how it leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::{Flavour, State as Frozen};
use injector_user::protocol::{Answer, Arm, Call, Class, Ended, MAX_LINE, PROTOCOL, State};
use nix::sys::signal::Signal;
use temblor_tests::order::{Order, SocketCall};
use temblor_tests::{Cgroup, Client, Engine, finish, is_running, params, signal, wait_until};

use super::stage::{DEADLINE, Stage, await_end};

fn loss(target: &str) -> std::collections::BTreeMap<String, String> {
    params([("target", target), ("duration", "60s")])
}

#[test]
fn it_says_who_it_is_and_that_nothing_is_armed() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let Ok(Answer::Hello {
        protocol,
        pid,
        keeper,
        ..
    }) = client.call(Call::Hello)?
    else {
        panic!("it greets");
    };
    let known = (stage.engine.pid(), stage.engine.keeper());
    assert_eq!((protocol, (pid, keeper)), (PROTOCOL, known));
    let (status, faults) = client.status()?;
    assert_eq!(
        (status.attached, status.lease_ms, status.clients),
        (0, 0, 2)
    );
    assert_eq!(faults, vec![]);
    stage.close()
}

#[test]
fn lines_that_make_no_sense_are_answered_and_forgotten() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let lines: [&[u8]; 8] = [
        b"\n",
        b"{}\n",
        b"null\n",
        b"{\"id\":1,\"call\":{\"op\":\"hello\"},\"more\":1}\n",
        b"{\"id\":1,\"call\":{\"op\":\"shake\"}}\n",
        b"{\"id\":-1,\"call\":{\"op\":\"hello\"}}\n",
        b"{\"id\":1,\"call\":{\"op\":\"arm\",\"fault\":\"net.loss\"}}\n",
        b"\x00\xff\xfe\n",
    ];
    for line in lines {
        client.send(line)?;
        let response = client.hear()?.context("it goes on")?;
        let text = String::from_utf8_lossy(line);
        let failure = response.answer.err().context(text.into_owned())?;
        assert_eq!((response.id, failure.class), (0, Class::Input));
        let said = &failure.problems[0].message;
        assert!(
            said.starts_with("a request that could not be read"),
            "{said}"
        );
    }
    client.call(Call::Hello)?.unwrap();
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn a_line_without_end_ends_only_its_own_connection() -> Result<()> {
    let stage = Stage::set()?;
    let mut other = stage.engine.client()?;
    let mut client = stage.engine.client()?;
    client.send(&vec![b'x'; MAX_LINE])?;
    let response = client.hear()?.context("it is told why")?;
    let failure = response.answer.err().context("it is refused")?;
    assert_eq!(failure.class, Class::Input);
    assert!(client.hear()?.is_none(), "the connection is closed");
    let mut half = stage.engine.client()?;
    half.send(b"{\"id\":1,\"call\":{\"op\":\"st")?;
    drop(half);
    other.call(Call::Hello)?.unwrap();
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn requests_may_be_sent_ahead() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let line = |id: u32| format!("{{\"id\":{id},\"call\":{{\"op\":\"hello\"}}}}\n");
    client.send((line(1) + &line(2) + &line(3)).as_bytes())?;
    let mut answered = Vec::new();
    for _ in 0..3 {
        answered.push(client.hear()?.context("an answer")?.id);
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3]);
    stage.close()
}

#[test]
fn a_second_engine_in_the_same_folder_leaves_the_field_to_the_first() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    client.arm(Kind::NetLoss, &loss(&stage.client_netns()))?;
    let said = stage.cli().run(&["engine"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 3)?.0, Vec::<u32>::new());
    stage.close()
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777))?;
    let path = folder.path().to_string_lossy().into_owned();
    let said = stage.cli().run(&["--run-dir", &path, "engine"])?;
    assert_ne!(said.code, Some(0));
    assert!(said.err.contains("is writable for others"), "{said:?}");
    stage.close()
}

#[test]
fn a_detached_fault_outlives_its_client_and_nothing_else() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = [
        "inject",
        "net.loss",
        "--detach",
        "--duration",
        "60s",
        "--target",
        &target,
    ];
    let said = stage.cli().run(&words)?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 3)?.0, Vec::<u32>::new());
    let said = stage.cli().run(&["stop"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(stage.client.datagrams(to, 3)?.0.len(), 3);
    stage.close()
}

#[test]
fn an_engine_leaves_when_nobody_needs_it_and_not_before() -> Result<()> {
    let mut stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let path = folder.path().to_string_lossy().into_owned();
    let cli = stage.cli();
    let mut engine = cli.start(&["--run-dir", &path, "engine", "--idle-exit", "1s"])?;
    let socket = folder.path().join("engine.sock");
    wait_until("it listens", DEADLINE, || Client::connect(&socket).is_ok())?;
    let mut client = Client::connect(&socket)?;
    let arm = Call::Arm(Arm {
        fault: Kind::NetLoss,
        params: params([("target", &*stage.client_netns()), ("duration", "3s")]),
        name: None,
        detached: true,
        ssh_connection: None,
    });
    let Ok(Answer::Armed { fault, .. }) = client.call(arm)? else {
        panic!("it is armed");
    };
    drop(client);
    let to = stage.echoes[0];
    // The fault lasts longer than an idle engine would stay.
    let waited = wait_until("the fault has ended", DEADLINE, || {
        stage
            .client
            .datagrams(to, 2)
            .is_ok_and(|(answered, _)| answered.len() == 2)
    })?;
    assert!(waited > Duration::from_millis(1_500), "only {waited:?}");
    let report = Client::connect(&socket)?.snapshot(&fault)?;
    let how = Ended::Deadline;
    assert_eq!(report.state, State::Ended { how });
    wait_until("it has left", DEADLINE, || {
        matches!(engine.try_wait(), Ok(Some(_)))
    })?;
    assert_eq!(finish(engine)?.code, Some(0));
    stage.close()
}

#[test]
fn a_new_engine_undoes_what_engine_and_keeper_left() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "undo")?;
    let mut stage = Stage::set()?;
    cgroup.enter(stage.client.pid())?;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let host = &stage.world.host.netns;
    for by_command in [false, true] {
        let mut engine = Engine::start_at(folder.path(), host)?;
        let given = params([
            ("target", &*cgroup.target()),
            ("duration", "5m"),
            ("active", "5m"),
            ("count", "1"),
        ]);
        engine
            .client()?
            .call(Call::Hello)?
            .ok()
            .context("it is there")?;
        let mut client = engine.client()?;
        client.arm(Kind::ProcessFreeze, &given)?;
        wait_until("the cgroup is frozen", DEADLINE, || {
            matches!(cgroup.state(), Ok(Frozen::Frozen))
        })?;
        let keeper = engine.keeper();
        signal(keeper, Signal::SIGSTOP)?;
        signal(engine.pid(), Signal::SIGKILL)?;
        wait_until("the engine is gone", DEADLINE, || engine.has_ended())?;
        signal(keeper, Signal::SIGKILL)?;
        wait_until("the keeper is gone", DEADLINE, || !is_running(keeper))?;
        assert_eq!(cgroup.state()?, Frozen::Frozen, "nobody could thaw it");
        assert!(!engine.undo_entries()?.is_empty());
        if by_command {
            let path = folder.path().to_string_lossy().into_owned();
            let said = stage.cli().run(&["--run-dir", &path, "undo"])?;
            assert_eq!(said.code, Some(0), "{said:?}");
            assert_eq!(engine.undo_entries()?, Vec::<std::path::PathBuf>::new());
        } else {
            Engine::start_at(folder.path(), host)?.end()?;
        }
        assert_eq!(cgroup.state()?, Frozen::Thawed);
    }
    assert!(stage.client.udp_times(stage.echoes[0], 1)?[0].is_some());
    stage.close()
}

#[test]
fn stop_ends_an_engine_that_does_not_answer() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    client.arm(Kind::NetLoss, &loss(&stage.client_netns()))?;
    // Its keeper too, which would end it otherwise.
    signal(stage.engine.keeper(), Signal::SIGSTOP)?;
    signal(stage.engine.pid(), Signal::SIGSTOP)?;
    let said = stage.cli().run(&["stop"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(stage.engine.has_ended());
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 3)?.0.len(), 3);
    signal(stage.engine.keeper(), Signal::SIGCONT)?;
    stage.engine.await_end()?;
    stage.close()
}

#[test]
fn inject_waits_for_the_end_and_says_what_was_done() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("--json inject net.loss --duration 2s --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    let command = stage.cli().start(&words)?;
    let to = stage.echoes[0];
    wait_until("it acts", DEADLINE, || {
        stage
            .client
            .datagrams(to, 2)
            .is_ok_and(|(answered, _)| answered.is_empty())
    })?;
    let said = finish(command)?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = said.json()?;
    assert_eq!(report["state"]["how"], "deadline", "{report}");
    assert!(
        report["counters"]["injected"].as_u64() >= Some(2),
        "{report}"
    );
    assert_eq!(report["rate"]["observed"], 1.0, "{report}");
    stage.close()
}

#[test]
fn an_interrupted_inject_ends_its_fault_and_reports() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("--json inject net.loss --duration 10m --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    let to = stage.echoes[0];
    for (ending, reports) in [(Signal::SIGINT, true), (Signal::SIGKILL, false)] {
        let command = stage.cli().start(&words)?;
        wait_until("it acts", DEADLINE, || {
            stage
                .client
                .datagrams(to, 2)
                .is_ok_and(|(answered, _)| answered.is_empty())
        })?;
        signal(command.id().cast_signed(), ending)?;
        let said = finish(command)?;
        wait_until("it acts no more", DEADLINE, || {
            stage
                .client
                .datagrams(to, 2)
                .is_ok_and(|(answered, _)| answered.len() == 2)
        })?;
        assert_eq!(said.json().is_ok(), reports, "{said:?}");
    }
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn a_command_is_a_target_from_its_first_call_on() -> Result<()> {
    let stage = Stage::set()?;
    let to = stage.echoes[0];
    let script = format!("exec 3<>/dev/tcp/{}/{}", to.ip(), to.port());
    let fault = "inject sock.error --operation connect --errno EHOSTDOWN --duration 60s --";
    let mut words: Vec<&str> = fault.split(' ').collect();
    words.extend(["bash", "-c", &script]);
    let said = stage.cli().run(&words)?;
    assert!(said.err.contains("Host is down"), "{said:?}");
    // Without the fault the same command does well.
    let mut plain = std::process::Command::new("bash");
    plain.args(["-c", &script]);
    assert!(stage.world.host.netns.spawn(plain)?.wait()?.success());
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn one_owner_is_stopped_and_others_are_not() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let refuse = |owner, operation| {
        params([
            ("target", &*target),
            ("duration", "60s"),
            ("operation", operation),
            ("errno", "EPERM"),
            ("owner", owner),
        ])
    };
    client.arm(Kind::SockError, &refuse("ann", "connect"))?;
    let bobs = client.arm(Kind::SockError, &refuse("bob", "socket"))?;
    let said = stage.cli().run(&["stop", "--owner", "ann"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let to = stage.echoes[0];
    assert_eq!(stage.client.calls(SocketCall::Socket, to, 1)?, [1]);
    let (_engine, faults) = client.status()?;
    let left: Vec<&str> = faults.iter().map(|fault| &*fault.fault).collect();
    assert_eq!(left, [&*bobs.fault]);
    stage.close()
}

#[test]
fn a_target_that_vanishes_ends_its_fault() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "gone")?;
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let frozen = temblor_tests::Actor::start_in(&stage.world.other.netns)?;
    cgroup.enter(frozen.pid())?;
    let errors = [("operation", "connect"), ("errno", "EPERM")];
    let sockets = [("operation", "socket"), ("errno", "EPERM")];
    let pid = format!("pid:{}", stage.other.pid());
    let iface = format!("iface:eth0@{}", stage.world.client.netns.name());
    let cases = [
        (Kind::SockError, pid, &errors[..]),
        (Kind::NetDelay, iface, &[("latency", "20ms")]),
        (Kind::SockError, cgroup.target(), &sockets),
    ];
    let mut armed = Vec::new();
    for (kind, target, more) in &cases {
        let basic = [("target", &**target), ("duration", "60s")];
        let given = params(basic.into_iter().chain(more.to_vec()));
        armed.push(client.arm(*kind, &given)?);
    }
    stage.other.end()?;
    let netns = stage.world.client.netns.name();
    temblor_tests::tool("ip", &["-n", netns, "link", "del", "eth0"])?;
    drop(frozen);
    drop(cgroup);
    for fault in armed {
        let report = await_end(&mut client, &fault.fault)?;
        let how = Ended::TargetGone;
        assert_eq!(report.state, State::Ended { how }, "{report:?}");
    }
    stage.check_nothing_armed()?;
    stage.engine.end()
}

#[test]
fn a_namespace_that_vanishes_ends_its_faults() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let netns = temblor_tests::Netns::make("brief")?;
    let target = format!("netns:{}", netns.name());
    let delay = params([
        ("target", &*target),
        ("duration", "60s"),
        ("latency", "20ms"),
    ]);
    let armed = [
        client.arm(Kind::NetLoss, &loss(&target))?,
        client.arm(Kind::NetDelay, &delay)?,
    ];
    drop(netns);
    for fault in armed {
        let report = await_end(&mut client, &fault.fault)?;
        let how = Ended::TargetGone;
        assert_eq!(report.state, State::Ended { how }, "{report:?}");
    }
    stage.close()
}

#[test]
fn a_plan_is_what_is_done_and_does_nothing() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("--json plan net.loss --duration 60s --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    let said = stage.cli().run(&words)?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let planned = said.json()?;
    stage.check_nothing_armed()?;
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 2)?.0.len(), 2);
    let mut client = stage.engine.client()?;
    let armed = client.arm(Kind::NetLoss, &loss(&target))?;
    let done = serde_json::to_value(&armed.plan)?;
    assert!(
        planned == done || planned["plan"] == done,
        "{planned} is not {done}"
    );
    stage.client.order(&Order::Bear)?;
    stage.close()
}
