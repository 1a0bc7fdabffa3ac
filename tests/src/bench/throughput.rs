//! What goes through a delay line of 1 ms, against the same pair of interfaces without it.
//!
//! Datagrams of 64 bytes: one thread sends in batches, one receives and counts; at most 4 096 are on
//! their way at once, so that a sender that is faster than the line waits instead of losing. TCP: one
//! connection, one thread at each end, after half a second of warming up. Rounds without and with the
//! fault alternate; figures are medians over the rounds. Sender, receiver and line share the
//! processors of this machine.

use std::time::Duration;

use anyhow::Result;
use injector_core::fault::Kind;

use super::pair::Pair;
use super::row::{Row, Rows};
use super::statistics::median;
use super::suite::Effort;
use super::traffic::{Datagrams, Window, bulk};
use crate::client::{Client, params};
use crate::engine::Engine;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(1_500);
const WARM_UP: Duration = Duration::from_millis(500);
const WINDOW: Window = Window(4_096);
const PORT: u16 = 7_004;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let pair = Pair::make()?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let mut datagrams = Datagrams::open(&pair, PORT, 64)?;
    let packets = alternate(effort, &pair, &mut client, "UDP", || {
        datagrams.send_for(ROUND, WINDOW)
    })?;
    let bytes = alternate(effort, &pair, &mut client, "TCP", || {
        Ok(bulk(&pair, PORT, WARM_UP, ROUND)? / 1e6)
    })?;
    Ok(vec![
        packets.row("UDP packets per second through 1 ms", "1/s", 0.6),
        bytes.row("bulk TCP through 1 ms", "MB/s", 0.5),
    ])
}

/// Figures of the rounds.
struct Rounds {
    with: Vec<f64>,
    without: Vec<f64>,
}

impl Rounds {
    fn row(&self, metric: &str, unit: &'static str, aim: f64) -> Row {
        let row = Row::new(metric, unit, median(&self.with), self.with.len());
        let bound = |pick: fn(f64, f64) -> f64| self.with.iter().copied().reduce(pick);
        row.peer(median(&self.without))
            .ratio_at_least(aim)
            .note(format!(
                "peer is the same veth without the fault; ours from {:.0} to {:.0}",
                bound(f64::min).unwrap_or_default(),
                bound(f64::max).unwrap_or_default()
            ))
    }
}

fn alternate(
    effort: Effort,
    pair: &Pair,
    client: &mut Client,
    name: &str,
    mut round: impl FnMut() -> Result<f64>,
) -> Result<Rounds> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let target = pair.target();
    let given = params([
        ("target", target.as_str()),
        ("latency", "1ms"),
        ("duration", "1m"),
    ]);
    let rounds = effort.rounds(ROUNDS);
    for number in 1..=rounds {
        without.push(round()?);
        let armed = client.arm(Kind::NetDelay, &given)?;
        with.push(round()?);
        client.stop_one(&armed)?;
        effort.progress(&format!("{name}: round {number} of {rounds}"));
    }
    Ok(Rounds { with, without })
}
