//! `net.delay`: how much later packets arrive, and which.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use temblor_tests::order::{Datagrams, Order};
use temblor_tests::{Actor, Armed, Cgroup, Client, HostSnapshot, params, wait_until};

use super::stage::{DEADLINE, Stage};

const TRIPS: u32 = 15;

/// Arms `net.delay` with these parameters besides a duration.
fn delay(client: &mut Client, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [("target", target), ("duration", "60s")];
    client.arm(
        Kind::NetDelay,
        &params(basic.into_iter().chain(more.to_vec())),
    )
}

/// The median in milliseconds; every one of them must have been answered.
fn median(times: Vec<Option<u64>>) -> Result<f64> {
    let times: Option<Vec<u64>> = times.into_iter().collect();
    let mut times = times.context("a packet was lost")?;
    times.sort_unstable();
    let middle = times.get(times.len() / 2).context("nothing was measured")?;
    Ok(f64::from(u32::try_from(*middle)?) / 1_000.0)
}

fn udp(actor: &mut Actor, to: SocketAddr) -> Result<f64> {
    median(actor.udp_times(to, TRIPS)?)
}

/// A round trip grew by `asked` milliseconds, give or take what a busy machine adds.
fn check_grown(before: f64, during: f64, asked: f64, what: &str) {
    let grown = during - before;
    let (least, most) = (asked * 0.8 - 1.0, asked * 1.5 + 10.0);
    assert!(
        (least..most).contains(&grown),
        "{what}: grew by {grown:.3} ms instead of {asked} ms, from {before:.3} ms"
    );
}

#[test]
fn a_round_trip_grows_by_what_was_asked_and_only_the_targets() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    for to in stage.echoes {
        let before = udp(&mut stage.client, to)?;
        let before_tcp = median(stage.client.tcp_times(to, TRIPS)?)?;
        let mut last = before;
        for asked in [5.0, 20.0, 60.0] {
            let latency = format!("{asked}ms");
            let armed = delay(&mut client, &target, &[("latency", &latency)])?;
            let during = udp(&mut stage.client, to)?;
            check_grown(before, during, asked, &format!("udp to {to}"));
            assert!(during > last, "a longer delay takes longer");
            last = during;
            let tcp = median(stage.client.tcp_times(to, TRIPS)?)?;
            check_grown(before_tcp, tcp, asked, &format!("tcp to {to}"));
            let other = udp(&mut stage.other, to)?;
            assert!(
                other - before < asked / 2.0 + 1.0,
                "the other's is {other} ms"
            );
            client.stop_one(&armed)?;
        }
        let after = udp(&mut stage.client, to)?;
        assert!(after - before < 5.0, "{before} ms before, {after} ms after");
    }
    stage.close()
}

#[test]
fn each_direction_is_delayed_once() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    for to in stage.echoes {
        let before = udp(&mut stage.client, to)?;
        for (direction, asked) in [("out", 30.0), ("in", 30.0), ("both", 60.0)] {
            let given = [("latency", "30ms"), ("direction", direction)];
            let armed = delay(&mut client, &target, &given)?;
            let during = udp(&mut stage.client, to)?;
            check_grown(before, during, asked, &format!("{direction} to {to}"));
            client.stop_one(&armed)?;
        }
    }
    stage.close()
}

#[test]
fn jitter_spreads_what_a_constant_delay_does_not() -> Result<()> {
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let mut spread = |more: &[(&str, &str)]| -> Result<f64> {
        let mut given = vec![("latency", "40ms"), ("seed", "3")];
        given.extend(more);
        let armed = delay(&mut client, &target, &given)?;
        let times = stage.client.udp_times(to, 40)?;
        client.stop_one(&armed)?;
        let times: Option<Vec<u64>> = times.into_iter().collect();
        let mut times = times.context("a packet was lost")?;
        times.sort_unstable();
        // Between the tenths, which a single late packet does not move.
        let width = times
            .get(35)
            .zip(times.get(4))
            .map(|(high, low)| high - low);
        Ok(f64::from(u32::try_from(width.context("40 times")?)?) / 1_000.0)
    };
    let constant = spread(&[])?;
    let uniform = spread(&[("jitter", "30ms")])?;
    let normal = spread(&[("jitter", "15ms"), ("distribution", "normal")])?;
    assert!(uniform > constant + 20.0, "{uniform} against {constant} ms");
    assert!(normal > constant + 10.0, "{normal} against {constant} ms");
    stage.close()
}

#[test]
fn the_loopback_interface_is_delayed_too() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let name = stage.world.server.netns.name();
    let target = format!("iface:lo@{name}");
    let mut local = Actor::start_in(&stage.world.server.netns)?;
    let loopbacks: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for ip in loopbacks {
        let to = stage.server.echo(SocketAddr::new(ip, 0))?;
        let port = to.port().to_string();
        let before = udp(&mut local, to)?;
        let before_tcp = median(local.tcp_times(to, TRIPS)?)?;
        let given = [("latency", "15ms"), ("ports", &*port)];
        let armed = delay(&mut client, &target, &given)?;
        // Question and answer both leave by it.
        check_grown(before, udp(&mut local, to)?, 30.0, "udp");
        let tcp = median(local.tcp_times(to, TRIPS)?)?;
        check_grown(before_tcp, tcp, 30.0, "tcp");
        assert!(local.bulk(to, 1 << 20)?, "content comes back as it was");
        client.stop_one(&armed)?;
        let after = udp(&mut local, to)?;
        assert!(after - before < 5.0, "{before} ms before, {after} ms after");
    }
    drop(local);
    stage.close()
}

#[test]
fn two_delays_of_disjoint_ports_each_have_their_own_latency() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let [one, two] = stage.echoes;
    let three = stage.server.echo(SocketAddr::new(one.ip(), 0))?;
    let before = udp(&mut stage.client, one)?;
    let mut armed = Vec::new();
    for (to, latency) in [(one, "20ms"), (two, "50ms")] {
        let port = to.port().to_string();
        let given = [("latency", latency), ("ports", &*port)];
        armed.push(delay(&mut client, &target, &given)?);
    }
    check_grown(before, udp(&mut stage.client, one)?, 20.0, "the first");
    check_grown(before, udp(&mut stage.client, two)?, 50.0, "the second");
    let unnamed = udp(&mut stage.client, three)?;
    assert!(unnamed - before < 10.0, "a port of neither: {unnamed} ms");
    for fault in armed.drain(..1) {
        client.stop_one(&fault)?;
    }
    let after = udp(&mut stage.client, one)?;
    assert!(after - before < 10.0, "the first has ended: {after} ms");
    check_grown(before, udp(&mut stage.client, two)?, 50.0, "the second");
    for fault in armed {
        client.stop_one(&fault)?;
    }
    stage.close()
}

/// Of a machine that keeps the engine from its processors for too long, each time.
const ROUNDS: u32 = 4;

#[test]
fn content_comes_through_a_delay_as_it_was() -> Result<()> {
    let mut stage = Stage::set()?;
    for direction in ["out", "in", "both"] {
        let mut rounds = 0;
        while !comes_through(&mut stage, direction)? {
            rounds += 1;
            assert!(rounds < ROUNDS, "{direction}: discarded in each round");
        }
    }
    stage.close()
}

/// Checks the content of what comes through; false if the engine says that it was kept from its work for so
/// long that it discarded packets, which excuses what is missing.
fn comes_through(stage: &mut Stage, direction: &str) -> Result<bool> {
    let mut client = stage.engine.client()?;
    let given = [("latency", "2ms"), ("direction", direction)];
    let armed = delay(&mut client, &stage.client_netns(), &given)?;
    let mut missing = Vec::new();
    for to in stage.echoes {
        let what = format!("{direction} to {to}");
        assert!(stage.client.bulk(to, 4 << 20)?, "{what}");
        // Of one packet, and of many fragments.
        for size in [1_400, 9_000, 60_000] {
            let (answered, errors) = stage.client.datagrams_as(&Datagrams {
                to,
                count: 3,
                size,
                from_port: 0,
            })?;
            if (&*answered, &*errors) != (&[0, 1, 2], &[]) {
                missing.push(format!("{size} bytes {what}: {answered:?}, {errors:?}"));
            }
        }
    }
    let report = client.stop_one(&armed)?;
    let line = report.line.context("a delay has a line")?;
    assert!(line.forwarded > 0 && line.failed == 0, "{report:?}");
    let discarded = line.discarded > 0;
    assert!(discarded || missing.is_empty(), "{missing:?}: {report:?}");
    Ok(!discarded)
}

#[test]
fn root_qdiscs_filters_and_routes_are_untouched_while_it_acts() -> Result<()> {
    let stage = Stage::set()?;
    let about = [
        "qdiscs",
        "filters",
        "routes",
        "rules",
        "nft",
        "iptables-save",
    ];
    let target = stage.world.client.netns.name();
    let names = stage.world.names();
    let here = |snapshot: HostSnapshot| snapshot.only(&about);
    let before = here(HostSnapshot::take(&names)?);
    let mut client = stage.engine.client()?;
    let armed = delay(
        &mut client,
        &format!("netns:{target}"),
        &[("latency", "20ms"), ("direction", "both")],
    )?;
    let during = here(HostSnapshot::take(&names)?);
    let difference = before.difference(&during);
    let foreign = |line: &&String| !line.contains(" dev tm");
    let added: Vec<_> = difference.added.iter().filter(foreign).collect();
    assert_eq!((added, &difference.removed), (vec![], &vec![]));
    client.stop_one(&armed)?;
    stage.close()
}

#[test]
fn a_cgroup_in_a_shared_namespace_is_delayed_alone() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "delay")?;
    let mut stage = Stage::set()?;
    let mut sibling = Actor::start_in(&stage.world.client.netns)?;
    cgroup.enter(stage.client.pid())?;
    let mut client = stage.engine.client()?;
    for to in stage.echoes {
        let before = udp(&mut stage.client, to)?;
        let armed = delay(&mut client, &cgroup.target(), &[("latency", "40ms")])?;
        check_grown(before, udp(&mut stage.client, to)?, 40.0, "the target");
        let other = udp(&mut sibling, to)?;
        assert!(other - before < 20.0, "the sibling's is {other} ms");
        client.stop_one(&armed)?;
    }
    stage.close()
}

#[test]
fn what_the_target_feels_is_reported_and_flagged_only_if_it_is_off() -> Result<()> {
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    stage.client.order(&Order::Chat { to })?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    // Then only one packet in five is delayed: the target feels less than was asked.
    for (given, flagged) in [
        (&[("latency", "30ms")][..], false),
        (&[("latency", "80ms"), ("probability", "20%")], true),
    ] {
        let armed = delay(&mut client, &target, given)?;
        let mut felt = None;
        wait_until("the felt delay settles", DEADLINE, || {
            felt = client.snapshot(&armed.fault).ok().and_then(|s| s.felt);
            felt.as_ref()
                .is_some_and(|felt| felt.during_us.is_some() && felt.flagged == flagged)
        })
        .with_context(|| format!("{given:?}: {felt:?}"))?;
        let felt = client.stop_one(&armed)?.felt.context("it was measured")?;
        assert!(felt.before_us.is_some(), "{felt:?}");
    }
    stage.close()
}

#[test]
fn two_delays_at_once_are_not_blamed_for_each_other() -> Result<()> {
    let mut stage = Stage::set()?;
    let to = stage.echoes[0];
    stage.client.order(&Order::Chat { to })?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let first = delay(&mut client, &target, &[("latency", "30ms")])?;
    let second = delay(&mut client, &target, &[("latency", "90ms")])?;
    for armed in [&first, &second] {
        let mut felt = None;
        wait_until("it is said why nothing is measured", DEADLINE, || {
            felt = client.snapshot(&armed.fault).ok().and_then(|s| s.felt);
            let note = felt.as_ref().and_then(|felt| felt.note.as_deref());
            note.is_some_and(|note| note.contains("no other fault"))
        })
        .with_context(|| format!("{felt:?}"))?;
    }
    let felt = client.stop_one(&second)?.felt.context("a delay is felt")?;
    assert_eq!((felt.during_us, felt.flagged), (None, false), "{felt:?}");
    stage.close()
}

#[test]
fn without_a_connection_nothing_is_claimed_to_be_felt() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let armed = delay(&mut client, &stage.client_netns(), &[("latency", "10ms")])?;
    udp(&mut stage.client, stage.echoes[0])?;
    let felt = client.stop_one(&armed)?.felt.context("a delay is felt")?;
    assert_eq!((felt.during_us, felt.flagged), (None, false));
    assert!(felt.note.is_some(), "{felt:?}");
    stage.close()
}

#[test]
fn delay_and_loss_compose() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let to = stage.echoes[0];
    let port = to.port().to_string();
    let before = udp(&mut stage.client, to)?;
    let given = [("latency", "30ms"), ("ports", &*port)];
    let armed = delay(&mut client, &target, &given)?;
    let lossy = [
        ("target", &*target),
        ("duration", "60s"),
        ("ports", &*port),
        ("when", "1..1"),
    ];
    let lost = client.arm(Kind::NetLoss, &params(lossy))?;
    let times = stage.client.udp_times(to, 8)?;
    assert_eq!(times.first(), Some(&None), "the first is lost: {times:?}");
    let rest = times.into_iter().skip(1).collect();
    check_grown(before, median(rest)?, 30.0, "the rest");
    client.stop_one(&lost)?;
    client.stop_one(&armed)?;
    stage.close()
}
