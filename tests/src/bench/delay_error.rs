//! How exactly a delay line keeps its latency.
//!
//! A stream sends a datagram every millisecond through a `net.delay`. A packet socket on the line's
//! device sees each one twice, with the kernel's own time stamps: when it was redirected into the
//! device, and when the line gave it back. The error is the time between the two beyond the latency
//! asked for. Beside it stands what the stream's receiver felt: the median time from sending to
//! receiving beyond that of the same stream without the fault, just before, and beyond the latency.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use injector_core::fault::Kind;
use injector_user::sys::poll;

use super::capture::{Capture, Passed};
use super::pair::Pair;
use super::row::{Row, Rows};
use super::statistics::{median, microseconds, percentile};
use super::stream::{Datagram, Stream};
use super::suite::Effort;
use crate::client::{Client, params};
use crate::engine::Engine;

const LATENCIES_MS: [u64; 4] = [1, 5, 20, 100];
const GAP: Duration = Duration::from_millis(1);
const DATAGRAMS: usize = 5_000;
const PORT: u16 = 7_005;
/// How delay lines call their devices.
const DEVICES: &str = "tmb";

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let pair = Pair::make()?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let mut rows = Rows::new();
    for latency_ms in LATENCIES_MS {
        effort.progress(&format!("{latency_ms} ms"));
        rows.extend(one(effort, &pair, &mut client, latency_ms)?);
    }
    Ok(rows)
}

fn one(effort: Effort, pair: &Pair, client: &mut Client, latency_ms: u64) -> Result<Rows> {
    let time = GAP.saturating_mul(u32::try_from(effort.rounds(DATAGRAMS))?);
    let before = felt(&streamed(pair, time.div_f64(4.0))?);
    let (target, latency) = (pair.target(), format!("{latency_ms}ms"));
    let given = params([
        ("target", target.as_str()),
        ("latency", &latency),
        ("duration", "5m"),
    ]);
    let armed = client.arm(Kind::NetDelay, &given)?;
    let capture = Capture::on(&pair.near, DEVICES)?;
    let during = felt(&streamed(pair, time)?);
    let passed = capture.drain(Duration::from_millis(latency_ms + 100))?;
    client.stop_one(&armed)?;
    let asked = Duration::from_millis(latency_ms).as_secs_f64() * 1e6;
    let errors: Vec<f64> = held(&passed).iter().map(|time| time - asked).collect();
    ensure!(
        errors.len() * 10 > effort.rounds(DATAGRAMS) * 9,
        "few passed"
    );
    let note = format!(
        "felt by the receiver: median error {:.0} us; shortest {:.0}, longest {:.0} us",
        during - before - asked,
        percentile(&errors, 0.0),
        percentile(&errors, 1.0)
    );
    let row = |name: &str, part, aim| {
        let metric = format!("error of {latency_ms} ms, {name}");
        Row::new(metric, "us", percentile(&errors, part), errors.len())
            .at_most(aim)
            .note(note.clone())
    };
    Ok(vec![row("p50", 0.5, 60.0), row("p99", 0.99, 1_000.0)])
}

fn streamed(pair: &Pair, time: Duration) -> Result<Vec<Datagram>> {
    let stream = Stream::start(pair, PORT, GAP)?;
    poll::wait_readable([], time)?;
    stream.finish()
}

/// The median time on the way, in microseconds.
fn felt(datagrams: &[Datagram]) -> f64 {
    let times: Vec<f64> = datagrams
        .iter()
        .filter_map(|one| Some(microseconds(one.sent_ns, one.received_ns?)))
        .collect();
    median(&times)
}

/// How long the line held each datagram, in microseconds.
fn held(passed: &[Passed]) -> Vec<f64> {
    let mut entered = BTreeMap::new();
    let mut times = Vec::new();
    for one in passed {
        if one.leaving {
            entered.insert(one.number, one.at_ns);
        } else if let Some(at_ns) = entered.remove(&one.number) {
            times.push(microseconds(at_ns, one.at_ns));
        }
    }
    times
}
