//! Faults that end with whom they belong to: an owner, or a target.

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use injector_user::protocol::{Ended, State};
use temblor_tests::order::SocketCall;
use temblor_tests::{Cgroup, params};

use super::loss::loss;
use crate::stage::{Stage, await_end};

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
