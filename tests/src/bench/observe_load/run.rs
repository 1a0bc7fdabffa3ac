//! Rounds with and without somebody who looks.

use anyhow::Result;

use super::super::peer::{await_detached, tracers};
use super::super::row::{Row, Rows};
use super::super::statistics::median;
use super::super::suite::Effort;
use super::looks::Look;
use super::works::{Redis, Storm, Work};
use crate::engine::Engine;

const ROUNDS: usize = 10;
/// Of what is done without.
const AIM_PERCENT: f64 = 3.0;

/// What was lost in each round, by who looked.
type Losses = Vec<(Look, Vec<f64>)>;

pub(in super::super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let looks = Look::EACH_WORK;
    let losses = losses(effort, &engine, "redis", &mut Redis::start()?, &looks)?;
    let mut rows = rows("redis", &losses);
    let looks = [&looks[..], &Look::OF_PROCESSES].concat();
    let losses = self::losses(effort, &engine, "processes", &mut Storm::make()?, &looks)?;
    rows.extend(self::rows("processes", &losses));
    Ok(rows)
}

fn losses(
    effort: Effort,
    engine: &Engine,
    name: &str,
    work: &mut dyn Work,
    looks: &[Look],
) -> Result<Losses> {
    let mut losses: Losses = looks.iter().map(|look| (*look, Vec::new())).collect();
    let rounds = effort.rounds(ROUNDS);
    for number in 1..=rounds {
        for (look, losses) in &mut losses {
            let lost = loss(engine, work, *look)?;
            if lost.is_none() {
                effort.progress(&format!("{look:?} does not come up here"));
            }
            losses.extend(lost);
        }
        effort.progress(&format!("{name}: round {number} of {rounds}"));
    }
    Ok(losses)
}

/// In percent of the round before.
fn loss(engine: &Engine, work: &mut dyn Work, look: Look) -> Result<Option<f64>> {
    let before = tracers();
    work.prepare()?;
    let without = work.perform()?;
    let targets = work.prepare()?;
    let Some(looking) = look.begin(engine, &targets)? else {
        return Ok(None);
    };
    let with = work.perform()?;
    looking.end();
    await_detached(before)?;
    Ok(Some(100.0 * (without - with) / without))
}

fn rows(name: &str, losses: &Losses) -> Rows {
    let of = |look: Look| {
        let found = losses.iter().find(|(one, _)| *one == look);
        let (_look, losses) = found?;
        (!losses.is_empty()).then(|| Row::new("", "%", median(losses), losses.len()))
    };
    let mut rows = Rows::new();
    let Some(ours) = of(Look::Everything) else {
        return rows;
    };
    let named = |row: &Row, what: &str| Row {
        metric: format!("{name}, loss with {what}"),
        ..row.clone()
    };
    rows.push(named(&ours, "all signals").at_most(AIM_PERCENT));
    rows.extend(of(Look::Calls).map(|row| named(&row, "system calls alone")));
    for (look, _losses) in losses {
        if let (Some(peer), Some(name)) = (of(*look), look.peer()) {
            let row = named(&ours, &format!("all signals, against {name}"));
            rows.push(row.peer(peer.ours).holds(ours.ours < peer.ours));
        }
    }
    rows
}
