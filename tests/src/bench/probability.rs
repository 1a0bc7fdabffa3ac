//! Asked against observed probability, as the receiver sees it.
//!
//! For each probability 100 000 datagrams go through a `net.loss`; those that the receiver did not get
//! are counted, and have to be as many as the fault says it took. Given is the share that was lost;
//! the asked share has to lie in the exact binomial interval of 99.9 % around it. Seeds are fixed, so
//! that a figure can be repeated; a fault without a seed draws one. The peer is the asked share.

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;

use super::pair::Pair;
use super::row::{Row, Rows};
use super::suite::Effort;
use super::traffic::{Datagrams, Window};
use crate::client::{Client, params};
use crate::engine::Engine;

const TRIALS: usize = 100_000;
const ASKED: [(&str, f64); 4] = [("0.1%", 0.1), ("1%", 1.0), ("10%", 10.0), ("50%", 50.0)];
const PORT: u16 = 7_003;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let pair = Pair::make()?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let asked = ASKED.into_iter().enumerate();
    asked
        .map(|(number, (text, percent))| {
            effort.progress(text);
            one(effort, &pair, &mut client, number, text, percent)
        })
        .collect()
}

fn one(
    effort: Effort,
    pair: &Pair,
    client: &mut Client,
    number: usize,
    text: &str,
    percent: f64,
) -> Result<Row> {
    let trials = effort.rounds(TRIALS);
    let (target, seed, port) = (pair.target(), format!("{}", number + 1), PORT.to_string());
    let armed = client.arm(
        Kind::NetLoss,
        &params([
            ("target", target.as_str()),
            ("ports", &port),
            ("probability", text),
            ("seed", &seed),
            ("duration", "5m"),
        ]),
    )?;
    let mut datagrams = Datagrams::open(pair, PORT, 64)?;
    let received = datagrams.send_counted(trials, Window::LOSSY)?;
    let report = client.stop_one(&armed)?;
    let lost = (trials - received) as u64;
    ensure!(
        report.counters.injected == lost && report.counters.eligible == trials as u64,
        "{lost} of {trials} did not arrive, and the fault says {:?}",
        report.counters
    );
    let rate = report.rate.context("nothing was eligible")?;
    let metric = format!("share lost where {text} was asked for");
    let row = Row::new(metric, "%", rate.observed * 100.0, trials);
    Ok(row.peer(percent).holds(rate.within()).note(format!(
        "99.9 % interval {:.4} to {:.4} %; lost datagrams = injections",
        rate.low * 100.0,
        rate.high * 100.0
    )))
}
