//! Several faults of several owners at once: what one does is added to what the others do.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use temblor_tests::order::SocketCall;
use temblor_tests::params;

use super::stage::Stage;

/// The middle one of several round trips, in milliseconds.
fn median(times: &[Option<u64>]) -> Option<u64> {
    let mut times: Vec<u64> = times.iter().flatten().copied().collect();
    times.sort_unstable();
    times.get(times.len() / 2).map(|us| us / 1000)
}

#[test]
fn latencies_add_up() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut owners = [
        stage.engine.client()?,
        stage.engine.client()?,
        stage.engine.client()?,
    ];
    for to in stage.echoes {
        let mut armed = Vec::new();
        for (owner, latency) in owners.iter_mut().zip(["20ms", "50ms", "100ms"]) {
            armed.push(stage.arm(owner, Kind::NetDelay, &[("latency", latency)])?);
        }
        for least in [170, 150, 100] {
            let times = stage.client.udp_times(to, 5)?;
            let median = median(&times).context("answers come")?;
            assert!(
                (least..least + 20).contains(&median),
                "{least} {median} {times:?}"
            );
            let owner = &mut owners[3 - armed.len()];
            let report = owner.stop_one(&armed.remove(0))?;
            // The name of the counted packets: each fault has met each of them once.
            assert_eq!(report.counters.matched, report.counters.injected);
        }
    }
    stage.close()
}

#[test]
fn losses_throw_dice_of_their_own() -> Result<()> {
    let stage = Stage::set()?;
    let mut owners = [stage.engine.client()?, stage.engine.client()?];
    let flow = stage.flow(1)?;
    let port = flow.port().to_string();
    let mut armed = Vec::new();
    for (owner, seed) in owners.iter_mut().zip(["1", "2"]) {
        let half = [("probability", "50%"), ("seed", seed), ("ports", &*port)];
        armed.push(stage.arm(owner, Kind::NetLoss, &half)?);
    }
    let arrived = flow.send(10_000, 64)?.len();
    assert!((2_300..2_700).contains(&arrived), "a quarter: {arrived}");
    for (owner, armed) in owners.iter_mut().zip(&armed) {
        let rate = owner.stop_one(armed)?.rate.context("dice were thrown")?;
        assert!(rate.within(), "{rate:?}");
    }
    stage.close()
}

#[test]
fn every_kind_at_once_acts_in_its_turn() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let flow = stage.flow(0)?;
    let port = flow.port().to_string();
    let ports = ("ports", &*port);
    let faults: [(Kind, &[(&str, &str)]); 6] = [
        (Kind::NetLoss, &[ports, ("when", "1..10")]),
        (
            Kind::NetCorrupt,
            &[ports, ("how", "silent"), ("when", "1..10")],
        ),
        (Kind::NetCorrupt, &[ports, ("when", "11..20")]),
        (Kind::NetDuplicate, &[ports]),
        (Kind::NetRate, &[ports, ("rate", "50mbit")]),
        (Kind::NetDelay, &[ports, ("latency", "30ms")]),
    ];
    let mut armed = Vec::new();
    for (kind, more) in faults {
        armed.push(stage.arm(&mut client, kind, more)?);
    }
    let arrived = flow.send(100, 200)?;
    let mut injected = Vec::new();
    for one in &armed {
        injected.push(client.stop_one(one)?.counters.injected);
    }
    // Of 100, 10 are lost; of the 90 left the first 10 are changed; the next 10 reach the receiver's
    // kernel with a wrong checksum. All 90 are doubled, and 180 pass rate and delay.
    assert_eq!(injected, [10, 10, 10, 90, 180, 180]);
    assert_eq!(arrived.len(), 160, "{arrived:?}");
    assert_eq!(arrived.iter().filter(|one| one.flipped > 0).count(), 20);
    assert_eq!(flow.send(100, 200)?.len(), 100);
    assert_eq!(stage.client.datagrams(stage.echoes[1], 20)?.0.len(), 20);
    stage.close()
}

#[test]
fn an_error_wins_over_a_delay() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut owners = [stage.engine.client()?, stage.engine.client()?];
    let to = stage.echoes[0];
    let port = to.port().to_string();
    // Of the protocol that connections are of: a namespace has things of its own to say as well.
    let latency = [("latency", "300ms"), ("ports", &*port)];
    let late = stage.arm(&mut owners[0], Kind::NetDelay, &latency)?;
    let target = format!("pid:{}", stage.client.pid());
    let refused = owners[1].arm(
        Kind::SockError,
        &params([
            ("target", &*target),
            ("duration", "60s"),
            ("operation", "connect"),
            ("errno", "ENETUNREACH"),
        ]),
    )?;
    let errnos = stage.client.calls(SocketCall::Connect, to, 5)?;
    assert_eq!(errnos, [nix::errno::Errno::ENETUNREACH as i32; 5]);
    let report = owners[0].stop_one(&late)?;
    assert_eq!(
        report.counters.matched, 0,
        "no packet was sent that could be late"
    );
    owners[1].stop_one(&refused)?;
    assert_eq!(stage.client.calls(SocketCall::Connect, to, 1)?, [0]);
    stage.close()
}
