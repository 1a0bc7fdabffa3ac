//! `sock.error`: which calls fail, with what, and whose.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use nix::errno::Errno;
use temblor_tests::order::{Doer, Order, Outcome, SocketCall};
use temblor_tests::{Actor, Armed, Cgroup, Client, params};

use super::stage::Stage;

/// Arms `sock.error` with these parameters besides a duration.
fn fail(client: &mut Client, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [("target", target), ("duration", "60s")];
    client.arm(
        Kind::SockError,
        &params(basic.into_iter().chain(more.to_vec())),
    )
}

fn pid(actor: &Actor) -> String {
    format!("pid:{}", actor.pid())
}

const REFUSED: [(&str, &str); 2] = [("operation", "connect"), ("errno", "ECONNREFUSED")];

const CONNREFUSED: i32 = Errno::ECONNREFUSED as i32;

#[test]
fn each_operation_fails_with_the_errno_that_was_asked_for() -> Result<()> {
    use SocketCall::{Bind, Connect, ConnectUdp, SendTo, Socket};
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = pid(&stage.client);
    let operations = [
        ("connect", &[Connect, ConnectUdp][..], Errno::ETIMEDOUT),
        ("bind", &[Bind], Errno::EADDRINUSE),
        ("sendmsg", &[SendTo], Errno::ENETUNREACH),
        ("socket", &[Socket], Errno::EMFILE),
        ("connect,sendmsg", &[Connect, SendTo], Errno::EHOSTUNREACH),
    ];
    for (operation, calls, errno) in operations {
        let number = (errno as i32).to_string();
        let asked = [("operation", operation), ("errno", &*number)];
        let armed = fail(&mut client, &target, &asked)?;
        for to in stage.echoes {
            for call in calls {
                let address = address(*call, to);
                let what = format!("{call:?} to {address}");
                let felt = stage.client.calls(*call, address, 3)?;
                assert_eq!(felt, [errno as i32; 3], "{what}");
                assert_eq!(stage.other.calls(*call, address, 3)?, [0; 3], "{what}");
            }
        }
        let report = client.stop_one(&armed)?;
        let expected = 3 * 2 * calls.len() as u64;
        assert_eq!(report.counters.injected, expected, "{report:?}");
        for call in calls {
            let address = address(*call, stage.echoes[0]);
            assert_eq!(stage.client.calls(*call, address, 3)?, [0; 3]);
        }
    }
    stage.close()
}

/// What a call is made with: the server's address, or any own one to bind.
fn address(call: SocketCall, to: SocketAddr) -> SocketAddr {
    match call {
        SocketCall::Bind if to.is_ipv4() => SocketAddr::from(([0; 4], 0)),
        SocketCall::Bind => SocketAddr::from(([0; 16], 0)),
        _ => to,
    }
}

/// Numbers that mean nothing in Linux.
const UNUSED: [i32; 2] = [41, 58];

#[test]
fn every_errno_reaches_the_caller() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = pid(&stage.client);
    let to = stage.echoes[0];
    for errno in (1..=133).filter(|errno| !UNUSED.contains(errno)) {
        let number = errno.to_string();
        let asked = [("operation", "connect"), ("errno", &*number)];
        let armed = fail(&mut client, &target, &asked);
        let armed = armed.with_context(|| format!("errno {errno}"))?;
        let felt = stage.client.calls(SocketCall::Connect, to, 1)?;
        assert_eq!(felt, [errno]);
        client.stop_one(&armed)?;
    }
    assert_eq!(stage.client.calls(SocketCall::Connect, to, 1)?, [0]);
    stage.close()
}

#[test]
fn threads_and_children_are_covered_and_siblings_are_not() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut sibling = Actor::start_in(&stage.world.client.netns)?;
    let to = stage.echoes[0];
    let Outcome::Born { .. } = stage.client.order(&Order::Bear)? else {
        panic!("it has a child");
    };
    let mut client = stage.engine.client()?;
    let armed = fail(&mut client, &pid(&stage.client), &REFUSED)?;
    for doer in [Doer::Thread, Doer::Child, Doer::NewChild] {
        let felt = stage.client.calls_by(doer, to, 3)?;
        assert_eq!(felt, [CONNREFUSED; 3], "{doer:?}");
    }
    assert_eq!(sibling.calls(SocketCall::Connect, to, 3)?, [0; 3]);
    let felt = sibling.calls_by(Doer::NewChild, to, 3)?;
    assert_eq!(felt, [0; 3], "a sibling's child");
    client.stop_one(&armed)?;
    for doer in [Doer::Thread, Doer::Child, Doer::NewChild] {
        assert_eq!(stage.client.calls_by(doer, to, 3)?, [0; 3], "{doer:?}");
    }
    stage.close()
}

#[test]
fn grandchildren_born_while_the_fault_acts_are_covered() -> Result<()> {
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    let mut client = stage.engine.client()?;
    let armed = fail(&mut client, &pid(&stage.client), &REFUSED)?;
    let order = Order::By {
        doer: Doer::Child,
        order: Box::new(Order::Bear),
    };
    assert!(matches!(stage.client.order(&order)?, Outcome::Born { .. }));
    let grandchild = Order::By {
        doer: Doer::Child,
        order: Box::new(Order::By {
            doer: Doer::Child,
            order: Box::new(Order::Calls(temblor_tests::order::Calls {
                call: SocketCall::Connect,
                address: to,
                count: 2,
            })),
        }),
    };
    let felt = stage.client.order(&grandchild)?;
    let errnos = vec![CONNREFUSED; 2];
    assert_eq!(felt, Outcome::Errnos { errnos });
    client.stop_one(&armed)?;
    stage.close()
}

/// Both kinds of cgroup: the v2 one of the hook itself, and one that only v1 knows.
const FLAVOURS: [Flavour; 2] = [Flavour::V2, Flavour::V1];

#[test]
fn a_cgroup_covers_who_restarts_in_it() -> Result<()> {
    for flavour in FLAVOURS {
        let cgroup = Cgroup::make(flavour, "sock")?;
        let mut stage = Stage::set()?;
        let to = stage.echoes[0];
        cgroup.enter(stage.client.pid())?;
        let mut client = stage.engine.client()?;
        let armed = fail(&mut client, &cgroup.target(), &REFUSED)?;
        let felt = stage.client.calls(SocketCall::Connect, to, 2)?;
        assert_eq!(felt, [CONNREFUSED; 2], "{flavour:?}");
        // A restart: somebody new joins, and the old one goes.
        let mut new = Actor::start_in(&stage.world.client.netns)?;
        cgroup.enter(new.pid())?;
        stage.client.end()?;
        temblor_tests::wait_until("the newcomer is covered", super::stage::DEADLINE, || {
            let felt = new.calls(SocketCall::Connect, to, 1);
            felt.is_ok_and(|felt| felt == [CONNREFUSED])
        })?;
        assert_eq!(stage.other.calls(SocketCall::Connect, to, 2)?, [0; 2]);
        client.stop_one(&armed)?;
        assert_eq!(new.calls(SocketCall::Connect, to, 2)?, [0; 2]);
        drop(new);
        stage.close()?;
    }
    Ok(())
}

#[test]
fn a_third_fails_when_a_third_was_asked_for() -> Result<()> {
    const MANY: u32 = 1_000;
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    let mut client = stage.engine.client()?;
    let target = pid(&stage.client);
    let mut felt = |seed: &str| -> Result<Vec<i32>> {
        let dice = [
            REFUSED[0],
            REFUSED[1],
            ("probability", "0.3"),
            ("seed", seed),
        ];
        let armed = fail(&mut client, &target, &dice)?;
        // Datagram sockets: thousands of connections would run out of ports.
        let felt = stage.client.calls(SocketCall::ConnectUdp, to, MANY)?;
        let report = client.stop_one(&armed)?;
        let failed = felt.iter().filter(|errno| **errno != 0).count() as u64;
        let counters = report.counters;
        assert_eq!(
            (counters.eligible, counters.injected, counters.passed),
            (1_000, failed, 1_000 - failed)
        );
        let rate = report.rate.context("something was eligible")?;
        assert!(rate.within(), "{rate:?}");
        Ok(felt)
    };
    let first = felt("1")?;
    assert_eq!(first, felt("1")?);
    assert_ne!(first, felt("2")?);
    stage.close()
}

#[test]
fn when_and_max_hits_choose_calls_by_number() -> Result<()> {
    let cases: [(&[(&str, &str)], [usize; 3]); 3] = [
        (&[("when", "2..6+2")], [2, 4, 6]),
        (&[("when", "6+")], [6, 7, 8]),
        (&[("max_hits", "3")], [1, 2, 3]),
    ];
    let mut stage = Stage::set()?;
    let to = stage.echoes[1];
    let mut client = stage.engine.client()?;
    let target = pid(&stage.client);
    for (chosen, expected) in cases {
        let mut given = REFUSED.to_vec();
        given.extend(chosen);
        let armed = fail(&mut client, &target, &given)?;
        let felt = stage.client.calls(SocketCall::Connect, to, 8)?;
        let numbered = felt.iter().zip(1..);
        let failed: Vec<usize> = numbered.filter(|call| *call.0 != 0).map(|c| c.1).collect();
        assert_eq!(failed, expected, "{chosen:?}");
        client.stop_one(&armed)?;
    }
    stage.close()
}

#[test]
fn filters_spare_addresses_that_they_do_not_name() -> Result<()> {
    let mut stage = Stage::set()?;
    let [v4, v6] = stage.echoes;
    let mut client = stage.engine.client()?;
    let target = pid(&stage.client);
    let port4 = v4.port().to_string();
    let cases: [(&[(&str, &str)], [i32; 2]); 5] = [
        (&[("peers", "10.77.0.0/28")], [CONNREFUSED, 0]),
        (&[("peers", "fd77::1")], [0, CONNREFUSED]),
        (&[("peers", "10.99.0.0/16,fd99::/16")], [0, 0]),
        (&[("ports", &port4)], [CONNREFUSED, 0]),
        (&[("ports", &port4), ("peers", "fd77::/64")], [0, 0]),
    ];
    for (filter, expected) in cases {
        let mut given = REFUSED.to_vec();
        given.extend(filter);
        let armed = fail(&mut client, &target, &given)?;
        for (to, errno) in [v4, v6].into_iter().zip(expected) {
            let felt = stage.client.calls(SocketCall::Connect, to, 2)?;
            assert_eq!(felt, [errno; 2], "{filter:?} to {to}");
        }
        client.stop_one(&armed)?;
    }
    stage.close()
}

#[test]
fn an_ipv4_address_in_an_ipv6_socket_is_the_same_address() -> Result<()> {
    let mut stage = Stage::set()?;
    let SocketAddr::V4(v4) = stage.echoes[0] else {
        panic!("the first echo has an IPv4 address");
    };
    let mapped = SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port());
    let mut client = stage.engine.client()?;
    let mut given = REFUSED.to_vec();
    given.push(("peers", "10.77.0.1"));
    let armed = fail(&mut client, &pid(&stage.client), &given)?;
    let felt = stage.client.calls(SocketCall::Connect, mapped, 2)?;
    assert_eq!(felt, [CONNREFUSED; 2]);
    client.stop_one(&armed)?;
    assert_eq!(stage.client.calls(SocketCall::Connect, mapped, 2)?, [0; 2]);
    stage.close()
}
