//! What only the host can refuse, of a file and of several clients, and what ends in the middle.

use std::fs;

use anyhow::{Result, bail};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use injector_user::protocol::Which;
use temblor_tests::order::{Order, Outcome, SocketCall};
use temblor_tests::{Actor, Cgroup, finish, params, wait_until};

use super::stage::{DEADLINE, Stage};

#[test]
fn a_target_that_vanishes_in_the_middle_of_a_fault_is_said() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = format!("pid:{}", stage.other.pid());
    let words = format!(
        "--json inject sock.error --duration 10m --operation connect --errno EPERM --target {target}"
    );
    let words: Vec<&str> = words.split(' ').collect();
    let command = stage.cli().start(&words)?;
    let to = stage.echoes[0];
    wait_until("it acts", DEADLINE, || {
        let felt = stage.other.calls(SocketCall::Connect, to, 1);
        felt.is_ok_and(|felt| felt == [1])
    })?;
    stage.other.end()?;
    let said = finish(command)?;
    let report = said.json()?;
    assert_eq!(report["state"]["how"], "target-gone", "{report}");
    let err = format!(
        "error: --target: {target} has gone before the fault ended\n\
         hint: the report says what the fault did until then\n"
    );
    assert!(said.err.ends_with(&err), "{said:?}");
    assert_eq!(said.code, Some(1));
    stage.check_nothing_armed()?;
    stage.close()
}

/// An experiment of one action; its provider's lines begin in line 8.
fn experiment(provider: &[&str]) -> String {
    let head = "title: t\ndescription: d\nmethod:\n- type: action\n  name: harm\n  provider:\n    type: temblor\n";
    let lines = provider.iter().map(|line| format!("    {line}\n"));
    head.to_owned() + &lines.collect::<String>()
}

#[test]
fn what_the_host_refuses_in_a_file_is_said_of_its_line() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("x.yaml");
    let (file, out) = (file.display().to_string(), folder.path().join("out"));
    let out = out.display().to_string();
    let mut owner = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let given = params([
        ("target", &*target),
        ("duration", "60s"),
        ("operation", "connect"),
        ("errno", "EPERM"),
        ("owner", "ann"),
    ]);
    owner.arm(Kind::SockError, &given)?;
    let taken = format!("target: {target}");
    let refuse = ["fault: sock.error", "operation: connect", "errno: EINTR"];
    let cases: [(&[&str], i32, &str); 5] = [
        (
            &["fault: net.loss", "duration: 2s", "target: pid:4194303"],
            2,
            ":10:13: method[0].provider.target: there is no process 4194303",
        ),
        (
            &["fault: net.loss", "target: pid:1", "duration: 2s"],
            3,
            ":9:13: method[0].provider.target: process 1 (",
        ),
        (
            &[refuse[0], &taken, refuse[1], refuse[2], "duration: 2s"],
            3,
            ":9:13: method[0].provider.target: sock.error already acts there",
        ),
        (
            &["fault: net.loss", "target: iface:eth0", "duration: 2s"],
            2,
            ":9:13: method[0].provider.target: iface:eth0 belongs to the host",
        ),
        (
            &["fault: net.loss", "target: pid:7", "duration: 2"],
            2,
            ":10:15: method[0].provider.duration: `2` has no unit",
        ),
    ];
    for (provider, code, expected) in cases {
        fs::write(&file, experiment(provider))?;
        let said = stage.cli().run(&["run", "--out", &out, &file])?;
        let whole = format!("{}{}", said.out, said.err);
        assert!(whole.contains(&format!("{file}{expected}")), "{said:?}");
        assert_eq!(said.code, Some(code), "{said:?}");
    }
    let (_engine, faults) = owner.status()?;
    assert_eq!(faults.len(), 1, "only what was there before");
    drop(owner);
    stage.close()
}

#[test]
fn socket_faults_conflict_only_where_some_process_would_suffer_both() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "others")?;
    let mut stage = Stage::set()?;
    let inside = Actor::start_in(&stage.world.other.netns)?;
    cgroup.enter(inside.pid())?;
    let fault = |target: &str, operation: &'static str| {
        params([
            ("target", target),
            ("duration", "60s"),
            ("operation", operation),
            ("errno", "EPERM"),
        ])
    };
    // In the cgroup of the tests, above the other: its fault stands there.
    let outside = format!("pid:{}", stage.client.pid());
    let member = format!("pid:{}", inside.pid());
    let mut client = stage.engine.client()?;
    let by_pid = client.arm(Kind::SockError, &fault(&outside, "connect"))?;
    let by_cgroup = client.arm(Kind::SockError, &fault(&cgroup.target(), "connect"))?;
    let refusal = client.refusal(Kind::SockError, &fault(&member, "connect"))?;
    let expected = format!(
        "--target: sock.error already acts there: fault {} of somebody without a label",
        by_cgroup.fault
    );
    assert_eq!(refusal.problems[0].to_string(), expected);
    client.arm(Kind::SockError, &fault(&member, "socket"))?;
    client.stop_one(&by_pid)?;
    let to = stage.echoes[0];
    assert_eq!(stage.client.calls(SocketCall::Connect, to, 1)?, [0]);
    drop((client, inside));
    stage.close()
}

#[test]
fn a_child_born_under_a_fault_is_its_own_conflict() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let fault = |pid: i32| {
        let target = format!("pid:{pid}");
        params([
            ("target", &*target),
            ("duration", "60s"),
            ("operation", "bind"),
            ("errno", "EPERM"),
        ])
    };
    let armed = client.arm(Kind::SockError, &fault(stage.client.pid()))?;
    let Outcome::Born { pid } = stage.client.order(&Order::Bear)? else {
        bail!("it has a child");
    };
    let refusal = client.refusal(Kind::SockError, &fault(pid))?;
    let expected = format!("already acts there: fault {}", armed.fault);
    assert!(
        refusal.problems[0].message.contains(&expected),
        "{refusal:?}"
    );
    client.stop_one(&armed)?;
    client.arm(Kind::SockError, &fault(pid))?;
    drop(client);
    stage.close()
}

#[test]
fn more_faults_than_there_is_room_for_are_refused() -> Result<()> {
    let stage = Stage::set()?;
    let mut owner = stage.engine.client()?;
    for _fault in 0..64 {
        stage.arm(&mut owner, Kind::NetLoss, &[("probability", "1%")])?;
    }
    let target = stage.client_netns();
    let one_more = [
        "inject",
        "net.loss",
        "--duration",
        "2s",
        "--target",
        &target,
    ];
    let said = finish(stage.cli().start(&one_more)?)?;
    let err = "error: net.loss: all 64 places for faults are in use\n\
               hint: `temblor status` says what is armed; `temblor stop FAULT` makes room\n";
    assert_eq!((said.code, &*said.err), (Some(3), err), "{said:?}");
    owner.stop(Which::Mine)?;
    let said = finish(stage.cli().start(&one_more)?)?;
    assert_eq!(said.code, Some(0), "{said:?}");
    stage.check_nothing_armed()?;
    stage.close()
}
