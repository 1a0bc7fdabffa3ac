//! The engine is killed while a server is frozen that nobody but the engine would thaw. Its keeper does.

use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_user::freezer::State as Frozen;

use super::kill_net::{await_clients, await_effect, check_told, settle, shoot};
use super::span::until;
use crate::demo::client::Lane;
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
    let waiting = demo.stage.a.tape().under_way(Lane::Replica, shot.at_ns);
    let answered = waiting.iter().map(|it| it.end_ns()).max();
    let after = answered.map(|at_ns| Duration::from_nanos(at_ns.saturating_sub(shot.at_ns)));
    let longest = waiting.iter().map(took_ms).fold(0.0, f64::max);
    let codes = await_clients(demo, vec![process])?;
    demo.check(
        "client A's reads stood still",
        frozen == Frozen::Frozen && longest >= 300.0,
        format!(
            "{} reads waited, the longest {}",
            waiting.len(),
            Ms(longest)
        ),
    );
    let shown = after.map_or_else(
        || "nobody waited".to_owned(),
        |after| {
            format!(
                "the last read that waited was answered {} after the kill",
                of(after)
            )
        },
    );
    demo.check(
        "the keeper thawed the replica",
        thawed == Frozen::Thawed && after.is_some_and(|after| after < MOST),
        shown,
    );
    check_told(demo, &codes);
    demo.check_untouched(Lane::Primary, before, during);
    settle(demo, &shot.faults, shot.at_ns)
}
