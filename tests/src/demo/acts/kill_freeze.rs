//! The engine is killed while a server is frozen that nobody but the engine would thaw. Its keeper does.

use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_user::freezer::State as Frozen;

use super::kill_net::{await_clients, await_effect, check_told, settle, shoot};
use super::span::until;
use crate::demo::client::{Lane, Operation};
use crate::demo::demo::{Demo, of};
use crate::demo::figures::{Ms, took_ms};

/// How long the replica is frozen before the engine is killed; its clients wait for a second.
const ACT: Duration = Duration::from_millis(500);
/// For the keeper to notice, to thaw, and for the answers to come.
const MOST: Duration = Duration::from_millis(250);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let target = demo.stage.frozen()?;
    let process = demo.inject(
        "process.freeze",
        &[
            ("target", &target),
            ("active", "30s"),
            ("count", "1"),
            ("duration", "60s"),
        ],
    )?;
    await_effect(demo, 1)?;
    demo.watch(ACT)?;
    let frozen = demo.stage.replica_cgroup().state()?;
    let shot = shoot(demo)?;
    let thawed = demo.stage.replica_cgroup().state()?;
    let armed = shot.faults.last().context("nothing was armed")?;
    let during = until(armed, shot.at_ns);
    demo.recover(Lane::Replica, shot.at_ns)?;
    let codes = await_clients(demo, vec![process])?;
    check_thaw(demo, shot.at_ns, [frozen, thawed]);
    check_told(demo, &codes);
    demo.check_untouched(Lane::Primary, before, during);
    settle(demo, &shot.faults, shot.at_ns);
    Ok(())
}

/// The states are those just before and after the engine and its keeper had gone.
fn check_thaw(demo: &mut Demo, at_ns: u64, [before, after]: [Frozen; 2]) {
    let waiting = demo.stage.a.tape().under_way(Lane::Replica, at_ns);
    let longest = waiting.iter().map(took_ms).fold(0.0, f64::max);
    demo.check(
        "client A's reads stood still",
        before == Frozen::Frozen && longest >= 300.0,
        format!(
            "{} reads waited, the longest {}",
            waiting.len(),
            Ms(longest)
        ),
    );
    let answered = waiting.iter().map(Operation::end_ns).max();
    let took = answered.map(|end_ns| Duration::from_nanos(end_ns.saturating_sub(at_ns)));
    let shown = took.map(of).map(|ms| ms.to_string());
    demo.check(
        "the keeper thawed the replica",
        after == Frozen::Thawed && took.is_some_and(|took| took < MOST),
        format!(
            "the last read that waited was answered {} after the kill",
            shown.unwrap_or_else(|| "at no time".to_owned())
        ),
    );
}
