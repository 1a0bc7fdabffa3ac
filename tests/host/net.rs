//! `net.loss`: which packets vanish, and which do not.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::plan::Hook;
use injector_user::freezer::Flavour;
use injector_user::loader::Injection;
use injector_user::protocol::{Ended, FaultReport, State};
use temblor_tests::order::Datagrams;
use temblor_tests::{Actor, Armed, Cgroup, Client, Netns, fed, params};

use super::stage::{Stage, await_end};

const PROBES: u32 = 60;

fn all(count: u32) -> Vec<u32> {
    (0..count).collect()
}

/// Arms `net.loss` with these parameters besides a duration.
fn lose(client: &mut Client, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [("target", target), ("duration", "60s")];
    client.arm(
        Kind::NetLoss,
        &params(basic.into_iter().chain(more.to_vec())),
    )
}

#[test]
fn packets_are_lost_silently_and_only_the_targets() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let targets = [
        stage.client_netns(),
        // It is alone in its namespace.
        format!("pid:{}", stage.client.pid()),
        format!("iface:eth0@{}", stage.world.client.netns.name()),
    ];
    for target in targets {
        let armed = lose(&mut client, &target, &[])?;
        for to in stage.echoes {
            assert_eq!(stage.client.datagrams(to, PROBES)?, (vec![], vec![]));
            assert_eq!(stage.other.datagrams(to, PROBES)?, (all(PROBES), vec![]));
        }
        let report = client.stop_one(&armed)?;
        assert!(report.counters.injected >= 120, "{report:?}");
        for to in stage.echoes {
            assert_eq!(stage.client.datagrams(to, PROBES)?, (all(PROBES), vec![]));
        }
    }
    stage.close()
}

#[test]
fn a_visible_loss_is_told_to_the_sender() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let armed = lose(&mut client, &target, &[("visible", "true")])?;
    for to in stage.echoes {
        let (answered, errors) = stage.client.datagrams(to, 5)?;
        assert_eq!(answered, Vec::<u32>::new());
        // The first one leaves its sender before it leaves the host: the neighbour is not known yet.
        assert!(errors.len() >= 4, "{errors:?}");
        assert!(
            errors
                .iter()
                .all(|errno| *errno == nix::errno::Errno::ENOBUFS as i32)
        );
    }
    client.stop_one(&armed)?;
    stage.close()
}

#[test]
fn names_are_resolved_where_the_fault_is_asked_for_and_the_plan_says_to_what() -> Result<()> {
    let stage = Stage::set()?;
    let target = stage.client_netns();
    let words = |peer| {
        let fault = ["--json", "plan", "net.partition", "--duration", "60s"];
        let more = ["--target", target.as_str(), "--peers", peer];
        [fault.as_slice(), &more].concat()
    };
    let said = stage.cli().run(&words("localhost"))?;
    let plan = said.json()?;
    let peers = plan["fault"]["peers"].as_str().context("peers are named")?;
    assert!(peers.starts_with("localhost="), "{peers}");
    let chosen = plan["select"]["peers"]
        .as_array()
        .context("they are chosen by")?;
    assert!(chosen.iter().any(|one| one == "127.0.0.1"), "{plan}");
    let said = stage.cli().run(&words("no-such-host.invalid"))?;
    assert_eq!(said.code, Some(2), "{said:?}");
    let place = said.json()?["error"]["problems"][0]["place"]["path"].clone();
    assert_eq!(place, "--peers");
    stage.close()
}

#[test]
fn a_third_is_lost_when_a_third_was_asked_for() -> Result<()> {
    const MANY: u32 = 1_000;
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    for to in stage.echoes {
        let port = to.port().to_string();
        let third = [("probability", "30%"), ("ports", &*port), ("seed", "1")];
        let armed = lose(&mut client, &target, &third)?;
        let (answered, errors) = stage.client.datagrams(to, MANY)?;
        let report = client.stop_one(&armed)?;
        assert_eq!(errors, Vec::<i32>::new());
        let lost = u64::from(MANY) - answered.len() as u64;
        let counters = report.counters;
        assert_eq!((counters.eligible, counters.injected), (1_000, lost));
        // What the dice of 99.9 % of all seeds stay within.
        let rate = report.rate.context("something was eligible")?;
        assert!(rate.within(), "{rate:?}");
    }
    stage.close()
}

#[test]
fn the_same_seed_loses_the_same_packets() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let to = stage.echoes[0];
    let port = to.port().to_string();
    let mut answered = |seed| -> Result<Vec<u32>> {
        let seeded = [("probability", "0.5"), ("ports", &*port), ("seed", seed)];
        let armed = lose(&mut client, &target, &seeded)?;
        assert_eq!(armed.seed.to_string(), seed);
        let (answered, _errors) = stage.client.datagrams(to, 200)?;
        client.stop_one(&armed)?;
        Ok(answered)
    };
    let first = answered("7")?;
    assert_eq!(first, answered("7")?);
    assert_ne!(first, answered("8")?);
    stage.close()
}

#[test]
fn when_and_max_hits_choose_packets_by_number() -> Result<()> {
    let cases: [(&[(&str, &str)], &[u32]); 5] = [
        (&[("when", "2..5")], &[1, 2, 3, 4]),
        (&[("when", "3..9+3")], &[2, 5, 8]),
        (&[("when", "8+")], &[7, 8, 9]),
        (&[("max_hits", "4")], &[0, 1, 2, 3]),
        (&[("max_hits", "2"), ("when", "2+2")], &[1, 3]),
    ];
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let to = stage.echoes[1];
    let port = to.port().to_string();
    for (chosen, expected) in cases {
        let mut given = chosen.to_vec();
        given.push(("ports", &port));
        let armed = lose(&mut client, &target, &given)?;
        let (answered, _errors) = stage.client.datagrams(to, 10)?;
        let lost: Vec<u32> = (0..10).filter(|n| !answered.contains(n)).collect();
        assert_eq!(lost, expected, "{chosen:?}");
        if chosen[0].0 == "max_hits" {
            let report = await_end(&mut client, &armed.fault)?;
            assert_eq!(report.state, ended(Ended::Finished));
        } else {
            client.stop_one(&armed)?;
        }
    }
    stage.close()
}

fn ended(how: Ended) -> State {
    State::Ended { how }
}

#[test]
fn the_report_has_examples_of_what_was_lost() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let [to, _] = stage.echoes;
    // The second fault must not show what the first one did, should it get its place.
    for (when, expected) in [("2..6+2", vec![2, 4, 6]), ("3..3", vec![3])] {
        let port = to.port().to_string();
        let armed = lose(&mut client, &target, &[("when", when), ("ports", &port)])?;
        stage.client.datagrams(to, 8)?;
        let FaultReport {
            examples, window, ..
        } = client.stop_one(&armed)?;
        let hits: Vec<u64> = examples.iter().map(|example| example.hit).collect();
        assert_eq!(hits, expected, "{examples:?}");
        for Injection {
            at_ns,
            hook,
            stream,
            ..
        } in examples
        {
            let at = &armed.plan.hooks[hook];
            assert!(
                matches!(
                    at,
                    Hook::Tcx {
                        loopback: false,
                        ..
                    }
                ),
                "{at:?}"
            );
            assert_eq!(stream, 0);
            assert!((window.armed_ns..window.ended_ns).contains(&at_ns));
        }
    }
    stage.close()
}

#[test]
fn filters_spare_what_they_do_not_name() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let [v4, v6] = stage.echoes;
    let (port4, port6) = (v4.port().to_string(), v6.port().to_string());
    let around = format!("{}-{}", v4.port(), v4.port());
    let server6 = v6.ip().to_string();
    // Parameters, and whether datagrams over IPv4 and IPv6 pass.
    let cases: [(&[(&str, &str)], bool, bool); 9] = [
        (&[("peers", "10.77.0.1")], false, true),
        (&[("peers", "10.77.0.0/24")], false, true),
        (&[("peers", "10.77.0.2,10.78.0.0/16")], true, true),
        (&[("peers", &server6)], true, false),
        (&[("ports", &port6)], true, false),
        (&[("ports", &around), ("peers", "0.0.0.0/0")], false, true),
        (&[("ports", &port4), ("peers", "fd77::/16")], true, true),
        (&[("protocol", "tcp")], true, true),
        (&[("protocol", "udp")], false, false),
    ];
    for (filter, passes4, passes6) in cases {
        let armed = lose(&mut client, &target, filter)?;
        for (to, passes) in [(v4, passes4), (v6, passes6)] {
            // A port of its own choice may be the one that is named.
            let (answered, errors) = stage.client.datagrams_as(&Datagrams {
                to,
                count: 5,
                size: 64,
                from_port: 4_001,
            })?;
            let expected = if passes { all(5) } else { vec![] };
            assert_eq!((answered, errors), (expected, vec![]), "{filter:?} to {to}");
        }
        client.stop_one(&armed)?;
    }
    stage.close()
}

#[test]
fn the_own_port_of_a_packet_counts_too() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let armed = lose(&mut client, &target, &[("ports", "4000")])?;
    for (from_port, expected) in [(4000, vec![]), (4001, all(5))] {
        let (answered, _errors) = stage.client.datagrams_as(&Datagrams {
            to: stage.echoes[0],
            count: 5,
            size: 64,
            from_port,
        })?;
        assert_eq!(answered, expected, "from {from_port}");
    }
    client.stop_one(&armed)?;
    stage.close()
}

/// Datagrams that have arrived in a namespace, whatever became of them there.
fn arrived(netns: &Netns, v6: bool) -> Result<u64> {
    let (file, name) = if v6 {
        ("/proc/thread-self/net/snmp6", "Udp6InDatagrams")
    } else {
        ("/proc/thread-self/net/snmp", "Udp:")
    };
    let text = netns.inside(|| fs::read_to_string(file))??;
    let line = text.lines().rfind(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(value.context("the kernel counts datagrams")?.parse()?)
}

#[test]
fn a_direction_is_seen_from_the_target() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    for (direction, reach) in [("out", 0), ("in", 5), ("both", 0)] {
        let armed = lose(&mut client, &target, &[("direction", direction)])?;
        for to in stage.echoes {
            let server = &stage.world.server.netns;
            let before = arrived(server, to.is_ipv6())?;
            assert_eq!(stage.client.datagrams(to, 5)?, (vec![], vec![]));
            let after = arrived(server, to.is_ipv6())?;
            assert_eq!(after - before, reach, "{direction} to {to}");
        }
        client.stop_one(&armed)?;
    }
    stage.close()
}

#[test]
fn an_aggregate_is_as_likely_to_suffer_as_its_segments_together() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    for to in stage.echoes {
        let port = to.port().to_string();
        let rare = [("probability", "0.2%"), ("ports", &*port), ("seed", "1")];
        let armed = lose(&mut client, &target, &rare)?;
        assert!(stage.client.bulk(to, 4 << 20)?, "TCP mends what was lost");
        let FaultReport { counters, rate, .. } = client.stop_one(&armed)?;
        let rate = rate.context("something was eligible")?;
        // 4 MiB are 2 900 segments; with offload they leave in far fewer packets.
        assert!(counters.eligible < 2_000, "{counters:?}");
        assert!(rate.asked > 0.002 * 1.4, "not scaled: {rate:?}");
        assert!(rate.within(), "{rate:?} {counters:?}");
    }
    stage.close()
}

#[test]
fn in_a_shared_namespace_only_the_cgroups_packets_are_lost() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "loss")?;
    let mut stage = Stage::set()?;
    let mut sibling = Actor::start_in(&stage.world.client.netns)?;
    cgroup.enter(stage.client.pid())?;
    let mut client = stage.engine.client()?;
    for direction in ["out", "in", "both"] {
        let armed = lose(&mut client, &cgroup.target(), &[("direction", direction)])?;
        for to in stage.echoes {
            assert_eq!(stage.client.datagrams(to, PROBES)?, (vec![], vec![]));
            assert_eq!(sibling.datagrams(to, PROBES)?, (all(PROBES), vec![]));
        }
        client.stop_one(&armed)?;
        for to in stage.echoes {
            assert_eq!(stage.client.datagrams(to, PROBES)?, (all(PROBES), vec![]));
        }
    }
    stage.close()
}

#[test]
fn two_faults_of_disjoint_ports_share_an_interface() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let ports: BTreeSet<u16> = stage.echoes.map(|to: SocketAddr| to.port()).into();
    assert_eq!(ports.len(), 2, "the echoes have ports of their own");
    let [v4, v6] = stage.echoes;
    let port = |to: SocketAddr| to.port().to_string();
    let one = lose(&mut client, &target, &[("ports", &port(v4))])?;
    let other = lose(&mut client, &target, &[("ports", &port(v6))])?;
    for to in [v4, v6] {
        assert_eq!(stage.client.datagrams(to, 5)?.0, Vec::<u32>::new());
    }
    client.stop_one(&one)?;
    assert_eq!(stage.client.datagrams(v4, 5)?.0, all(5));
    assert_eq!(stage.client.datagrams(v6, 5)?.0, Vec::<u32>::new());
    client.stop_one(&other)?;
    assert_eq!(stage.client.datagrams(v6, 5)?.0, all(5));
    stage.close()
}

#[test]
fn an_interface_without_a_link_layer_is_filtered_like_any_other() -> Result<()> {
    let mut stage = Stage::set()?;
    let netns = stage.world.client.netns.name();
    // Nobody reads the device: what leaves by it is counted, whether it is then taken or not.
    let make = "tuntap add mode tun name tun0\n\
                link set tun0 addrgenmode none\n\
                link set tun0 up\n\
                addr add 10.88.0.1/24 dev tun0\n";
    fed("ip", &["-n", netns, "-batch", "-"], make)?;
    let mut client = stage.engine.client()?;
    let target = format!("iface:tun0@{netns}");
    let given = [("ports", "4000"), ("peers", "10.88.0.2")];
    let armed = lose(&mut client, &target, &given)?;
    for (to, from_port) in [("10.88.0.2:4000", 0), ("10.88.0.2:4001", 4000)] {
        let to: SocketAddr = to.parse()?;
        let before = client.snapshot(&armed.fault)?.counters.injected;
        let order = |to, from_port| Datagrams {
            to,
            count: 3,
            size: 64,
            from_port,
        };
        stage.client.datagrams_as(&order(to, from_port))?;
        let unnamed = SocketAddr::new(to.ip(), 4_002);
        stage.client.datagrams_as(&order(unnamed, 4_003))?;
        let elsewhere = SocketAddr::from(([10, 88, 0, 3], 4_000));
        stage.client.datagrams_as(&order(elsewhere, 4_000))?;
        let after = client.snapshot(&armed.fault)?.counters.injected;
        assert_eq!(after - before, 3, "from {from_port} to {to}");
    }
    client.stop_one(&armed)?;
    fed("ip", &["-n", netns, "-batch", "-"], "link del tun0\n")?;
    stage.close()
}
