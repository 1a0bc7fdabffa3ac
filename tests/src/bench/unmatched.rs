//! What bulk TCP over a pair of virtual interfaces keeps while a fault is armed there that concerns
//! none of its packets.
//!
//! One connection, one thread at each end, after half a second of warming up. The fault looks at both
//! directions: at the data as it leaves and at the acknowledgements as they come. Two ways of not being
//! concerned are measured: another port, and another peer. Rounds with and without the fault come in
//! pairs. Sender and receiver share the processors of this machine, so that what the program costs is
//! taken from the transfer itself.

use std::time::Duration;

use anyhow::Result;
use injector_core::fault::Kind;

use super::pair::Pair;
use super::pairs::Pairs;
use super::row::Rows;
use super::suite::Effort;
use super::traffic::bulk;
use crate::client::{Client, params};
use crate::engine::Engine;

const PAIRS: usize = 15;
const ROUND: Duration = Duration::from_millis(1_500);
const WARM_UP: Duration = Duration::from_millis(500);
const PORT: u16 = 7_005;
/// Of what goes through without a fault.
const AIM: f64 = 0.98;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let (pair, engine) = (Pair::make()?, Engine::start()?);
    let mut client = engine.client()?;
    let mut rows = Rows::new();
    for (metric, filter) in [
        ("bulk TCP beside a fault on another port", ("ports", "9")),
        (
            "bulk TCP beside a fault on another peer",
            ("peers", "203.0.113.9"),
        ),
    ] {
        let pairs = Pairs::measure(effort, effort.rounds(PAIRS), metric, |with| {
            transfer(&pair, &mut client, with.then_some(filter))
        })?;
        rows.push(pairs.row(metric, "MB/s", AIM));
    }
    Ok(rows)
}

/// Megabytes a second, beside a fault with this filter if there is one.
fn transfer(pair: &Pair, client: &mut Client, filter: Option<(&str, &str)>) -> Result<f64> {
    let Some(filter) = filter else {
        return Ok(bulk(pair, PORT, WARM_UP, ROUND)? / 1e6);
    };
    let target = pair.target();
    let given = params([
        ("target", target.as_str()),
        ("direction", "both"),
        ("duration", "1m"),
        filter,
    ]);
    let armed = client.arm(Kind::NetLoss, &given)?;
    let rate = bulk(pair, PORT, WARM_UP, ROUND)? / 1e6;
    let report = client.stop_one(&armed)?;
    anyhow::ensure!(
        report.counters.matched == 0,
        "the fault was concerned: {:?}",
        report.counters
    );
    Ok(rate)
}
