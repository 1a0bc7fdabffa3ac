//! `net.duplicate`, `net.corrupt` and `net.rate`: what arrives, and what does not change.

use std::fs;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use temblor_tests::{Arrival, Netns, params};

use super::stage::Stage;

/// Arms a fault on the client's namespace with these parameters besides a duration.
fn numbers(arrived: &[Arrival]) -> Vec<u32> {
    arrived.iter().map(|one| one.number).collect()
}

fn sound(count: u32) -> Vec<Arrival> {
    let sound = |number| Arrival { number, flipped: 0 };
    (0..count).map(sound).collect()
}

#[test]
fn every_packet_comes_twice_and_only_the_targets() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    for (family, direction) in [(0, "out"), (1, "out"), (0, "in"), (1, "in")] {
        let more = [("protocol", "udp"), ("direction", direction)];
        let armed = stage.arm(&mut client, Kind::NetDuplicate, &more)?;
        if direction == "out" {
            let arrived = numbers(&stage.flow(family)?.send(50, 64)?);
            let twice: Vec<u32> = (0..50).flat_map(|number| [number, number]).collect();
            assert_eq!(arrived, twice);
        } else {
            // Answers come twice, questions once.
            stage.client.datagrams(stage.echoes[family], 50)?;
        }
        let other = stage.flow_of(&stage.world.other, family)?.send(50, 64)?;
        assert_eq!(other, sound(50));
        let report = client.stop_one(&armed)?;
        let counters = report.counters;
        assert_eq!(
            (counters.matched, counters.injected),
            (50, 50),
            "{direction}"
        );
        assert_eq!(stage.flow(family)?.send(50, 64)?, sound(50));
    }
    stage.close()
}

#[test]
fn a_copy_is_not_copied_again_and_tcp_mends_it() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let armed = stage.arm(&mut client, Kind::NetDuplicate, &[("direction", "both")])?;
    for to in stage.echoes {
        assert!(stage.client.bulk(to, 1 << 20)?);
    }
    client.stop_one(&armed)?;
    stage.close()
}

#[test]
fn on_the_loopback_a_packet_comes_twice_as_well() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let netns = &stage.world.client.netns;
    let target = format!("iface:lo@{}", netns.name());
    for direction in ["out", "in"] {
        let given = [
            ("target", &*target),
            ("duration", "60s"),
            ("direction", direction),
            ("protocol", "udp"),
        ];
        let armed = client.arm(Kind::NetDuplicate, &params(given))?;
        for address in [[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()] {
            let flow = temblor_tests::Flow::open(netns, netns, address)?;
            let mut arrived = numbers(&flow.send(20, 64)?);
            arrived.sort_unstable();
            let twice: Vec<u32> = (0..20).flat_map(|number| [number, number]).collect();
            assert_eq!(arrived, twice, "{direction} {address}");
        }
        client.stop_one(&armed)?;
    }
    stage.close()
}

/// Datagrams that the namespace's kernel dropped as damaged: a wrong checksum, or a wrong length.
fn damaged(netns: &Netns, v6: bool) -> Result<u64> {
    let file = if v6 { "snmp6" } else { "snmp" };
    let read = || fs::read_to_string(format!("/proc/thread-self/net/{file}"));
    let text = netns.inside(read)??;
    if v6 {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("Udp6InErrors"));
        return Ok(line.context("it counts them")?.trim().parse()?);
    }
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next(), lines.next());
    let mut pairs = names
        .into_iter()
        .flat_map(str::split_whitespace)
        .zip(values.into_iter().flat_map(str::split_whitespace));
    let (_name, value) = pairs
        .find(|(name, _)| *name == "InErrors")
        .context("it counts them")?;
    Ok(value.parse()?)
}

#[test]
fn what_is_corrupted_as_on_a_wire_is_dropped_by_the_receivers_kernel() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let server = &stage.world.server.netns;
    for family in [0, 1] {
        let v6 = family == 1;
        let more = [("protocol", "udp"), ("probability", "30%"), ("seed", "1")];
        let armed = stage.arm(&mut client, Kind::NetCorrupt, &more)?;
        let before = damaged(server, v6)?;
        let arrived = stage.flow(family)?.send(1000, 200)?;
        let dropped = damaged(server, v6)? - before;
        let report = client.stop_one(&armed)?;
        assert!(
            arrived.iter().all(|one| one.flipped == 0),
            "what arrives is sound"
        );
        assert_eq!(report.counters.injected, dropped);
        assert_eq!(arrived.len() as u64, 1000 - dropped);
        assert!(report.rate.context("dice were thrown")?.within());
        assert_eq!(stage.flow(family)?.send(50, 200)?, sound(50));
    }
    stage.close()
}

#[test]
fn what_is_corrupted_silently_is_read_by_the_application() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    for (family, bits, size) in [(0, 1, 64), (1, 1, 65), (0, 5, 333), (1, 16, 1400)] {
        let bits_text = bits.to_string();
        let more = [
            ("protocol", "udp"),
            ("how", "silent"),
            ("bits", &*bits_text),
        ];
        let armed = stage.arm(&mut client, Kind::NetCorrupt, &more)?;
        let arrived = stage.flow(family)?.send(200, size)?;
        // A number may be what was hit: then the rest tells.
        assert_eq!(arrived.len(), 200);
        let flipped: Vec<u32> = arrived.iter().map(|one| one.flipped).collect();
        let exactly = flipped.iter().filter(|flipped| **flipped == bits).count();
        assert!(exactly >= 190, "{flipped:?}");
        assert!(flipped.iter().all(|flipped| *flipped > 0));
        let other = stage.flow_of(&stage.world.other, family)?.send(50, size)?;
        assert_eq!(other, sound(50));
        let report = client.stop_one(&armed)?;
        assert_eq!(report.counters.injected, 200);
    }
    for to in stage.echoes {
        let port = to.port().to_string();
        let more = [("ports", &*port), ("how", "silent"), ("probability", "2%")];
        let armed = stage.arm(&mut client, Kind::NetCorrupt, &more)?;
        // TCP delivers it: no segment is sent again, and the content is another one.
        assert!(!stage.client.bulk(to, 1 << 20)?);
        let report = client.stop_one(&armed)?;
        assert!(report.counters.injected > 0, "{report:?}");
        assert!(stage.client.bulk(to, 1 << 18)?);
    }
    stage.close()
}

#[test]
fn packets_without_content_do_not_concern_a_silent_corruption() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let more = [("protocol", "tcp"), ("how", "silent")];
    let armed = stage.arm(&mut client, Kind::NetCorrupt, &more)?;
    let to = stage.echoes[0];
    let calls = stage
        .client
        .calls(temblor_tests::order::SocketCall::Connect, to, 5)?;
    assert_eq!(calls, [0; 5]);
    let report = client.stop_one(&armed)?;
    assert_eq!(report.counters.matched, 0, "handshakes carry nothing");
    stage.close()
}

#[test]
fn no_more_than_the_rate_gets_through_and_nothing_is_lost_below_it() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    for family in [0, 1] {
        let more = [("rate", "4mbit"), ("burst", "4KiB"), ("protocol", "udp")];
        let armed = stage.arm(&mut client, Kind::NetRate, &more)?;
        let begun = std::time::Instant::now();
        // A quarter of a second's worth.
        let arrived = stage.flow(family)?.send(120, 1000)?;
        let took_us = begun.elapsed().as_micros();
        assert_eq!(arrived, sound(120), "in order");
        let report = client.stop_one(&armed)?;
        let line = report.line.context("it has a line")?;
        let bytes = line.bytes;
        assert!(
            bytes > 120 * 1000 && line.forwarded == 120 && line.overflowed == 0,
            "{line:?}"
        );
        // A byte takes two microseconds: whatever else the machine does, it cannot have been faster.
        assert!(
            u128::from(bytes - 4096) * 2 <= took_us,
            "{bytes} bytes in {took_us} us"
        );
    }
    stage.close()
}

#[test]
fn a_flood_at_a_narrow_line_overflows_and_is_counted() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let more = [("rate", "80kbit"), ("protocol", "udp")];
    let armed = stage.arm(&mut client, Kind::NetRate, &more)?;
    // Two seconds' worth, of which one may wait.
    stage.flow(0)?.send(20, 1000)?;
    let line = client
        .snapshot(&armed.fault)?
        .line
        .context("it has a line")?;
    assert!(line.overflowed > 0, "{line:?}");
    let line = client.stop_one(&armed)?.line.context("it has a line")?;
    assert_eq!(line.forwarded + line.overflowed, 20, "{line:?}");
    stage.close()
}
