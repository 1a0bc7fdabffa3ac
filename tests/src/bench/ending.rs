//! How long a fault outlives its engine.
//!
//! `kill`: the engine gets SIGKILL while a fault acts at full strength; `stall`: it gets SIGSTOP, so
//! that leases run out, or the keeper steps in, while all its descriptors stay open. The sufferer
//! tries something every 0.2 ms with real-time priority (sends a datagram, connects, notes the time)
//! and notes what came of it. Reported is the last moment at which the fault still acted (on the last
//! datagram it took, the last call it failed, the moment a frozen process ran again), after the
//! signal was sent; beside it when the first try succeeded that began after that. All four kinds of
//! fault take turns, each round with a new engine. There is no peer.

use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::clock::monotonic_ns;
use injector_user::sys::poll;
use nix::sys::signal::Signal;

use super::attempt::Aftermath;
use super::row::{Row, Rows};
use super::scene::Scene;
use super::statistics::{median, percentile};
use super::suite::Effort;
use crate::engine::{Engine, signal};

const KINDS: [Kind; 4] = [
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::SockError,
    Kind::ProcessFreeze,
];

/// All four together are killed a hundred times.
const KILLS_OF_EACH: usize = 25;
const STALLS_OF_EACH: usize = 5;

/// After a kill everything is over in milliseconds.
const WATCH_KILL: Duration = Duration::from_millis(250);
/// The engine's lease is 2 s.
const WATCH_STALL: Duration = Duration::from_millis(2_800);

pub(super) fn kill(effort: Effort) -> Result<Rows> {
    let each = effort.rounds(KILLS_OF_EACH);
    let found = rounds(effort, each, Signal::SIGKILL, WATCH_KILL)?;
    let all: Vec<Aftermath> = found.iter().flat_map(|(_kind, all)| all).copied().collect();
    let total = last_effect("SIGKILL to last effect, all four, p99", &all, 0.99);
    let mut rows = vec![total.at_most(15.0)];
    for (kind, all) in &found {
        let metric = format!("SIGKILL to last effect, {kind}, p99");
        rows.push(last_effect(&metric, all, 0.99));
    }
    Ok(rows)
}

pub(super) fn stall(effort: Effort) -> Result<Rows> {
    let each = effort.rounds(STALLS_OF_EACH);
    let found = rounds(effort, each, Signal::SIGSTOP, WATCH_STALL)?;
    let rows = found.iter().map(|(kind, all)| {
        let aim = match kind {
            Kind::NetDelay | Kind::ProcessFreeze | Kind::ProcessSignal => 300.0,
            _ => 2_200.0,
        };
        let metric = format!("SIGSTOP to last effect, {kind}, longest");
        last_effect(&metric, all, 1.0).at_most(aim)
    });
    Ok(rows.collect())
}

fn last_effect(metric: &str, all: &[Aftermath], part: f64) -> Row {
    let milliseconds =
        |of: fn(&Aftermath) -> f64| -> Vec<f64> { all.iter().map(|one| of(one) / 1e3).collect() };
    let effects = milliseconds(|one| one.last_effect);
    let recoveries = milliseconds(|one| one.recovery);
    let note = format!(
        "median {:.2} ms; felt recovery median {:.2}, p99 {:.2} ms",
        median(&effects),
        median(&recoveries),
        percentile(&recoveries, 0.99)
    );
    Row::new(metric, "ms", percentile(&effects, part), all.len()).note(note)
}

fn rounds(
    effort: Effort,
    each: usize,
    cause: Signal,
    watch: Duration,
) -> Result<Vec<(Kind, Vec<Aftermath>)>> {
    let scenes: Result<Vec<Scene>> = KINDS.into_iter().map(Scene::set).collect();
    let scenes = scenes?;
    let mut found: Vec<(Kind, Vec<Aftermath>)> = KINDS.map(|kind| (kind, Vec::new())).to_vec();
    for number in 1..=each {
        for (scene, (kind, all)) in scenes.iter().zip(&mut found) {
            let aftermath = round(scene, cause, watch);
            all.push(aftermath.with_context(|| format!("{kind}, round {number}"))?);
        }
        effort.progress(&format!("round {number} of {each}"));
    }
    Ok(found)
}

fn round(scene: &Scene, cause: Signal, watch: Duration) -> Result<Aftermath> {
    let mut engine = Engine::start()?;
    let sufferer = scene.enter()?;
    // Kept until the end: a fault whose owner goes away ends by that.
    let mut owner = engine.client()?;
    scene.strike(&mut owner)?;
    let cause_ns = monotonic_ns();
    signal(engine.pid(), cause)?;
    poll::wait_readable([], watch)?;
    let attempts = sufferer.leave()?;
    if cause == Signal::SIGKILL {
        engine.await_end()?;
    }
    Aftermath::of(&attempts, cause_ns).context("the fault did not end")
}
