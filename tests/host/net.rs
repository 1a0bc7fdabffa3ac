//! `net.loss` on real packets.

use anyhow::Result;
use injector_core::fault::Kind;
use temblor_tests::params;

use super::stage::Stage;

const PROBES: u32 = 100;

#[test]
fn lost_packets_are_lost_silently_and_only_the_targets() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let armed = client.arm(
        Kind::NetLoss,
        &params([("target", &*target), ("duration", "60s")]),
    )?;
    for to in stage.echoes {
        assert_eq!(stage.client.datagrams(to, PROBES)?, (vec![], vec![]));
        let all = (0..PROBES).collect();
        assert_eq!(stage.other.datagrams(to, PROBES)?, (all, vec![]));
    }
    let report = client.stop_one(&armed)?;
    assert!(report.counters.injected >= 100);
    for to in stage.echoes {
        let all = (0..PROBES).collect();
        assert_eq!(stage.client.datagrams(to, PROBES)?, (all, vec![]));
    }
    stage.close()
}
