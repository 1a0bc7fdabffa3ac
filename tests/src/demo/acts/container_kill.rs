//! The engine is killed while it delays a container.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::container_delay::{check_back, check_sibling, client, inject, shown};
use super::delay::check_felt;
use super::kill_net::{await_clients, await_effect, check_told, settle, shoot};
use super::span::until;
use crate::demo::client::Lane;
use crate::demo::demo::Demo;

/// How long the fault acts before the engine is killed.
const ACT: Duration = Duration::from_millis(1_500);
/// As in the kill on the first stage.
const MOST: Duration = Duration::from_millis(500);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let tape = client(demo)?;
    let before = demo.rest()?;
    let process = inject(demo, "60s")?;
    await_effect(demo, 1)?;
    demo.watch(ACT)?;
    let shot = shoot(demo)?;
    let armed = shot.faults.last().context("nothing was armed")?;
    let during = until(armed, shot.at_ns);
    let back = demo.recover_of(&tape, Lane::Primary, shot.at_ns)?;
    let calm = tape.figures(Lane::Primary, before);
    let felt = tape.figures(Lane::Primary, during);
    check_felt(demo, "the client felt the delay", &calm, &felt);
    demo.check(
        "the delay was gone with the engine",
        back.new < MOST,
        format!("{} (counted from the kill)", shown(back)),
    );
    check_back(demo, &tape, before)?;
    let codes = await_clients(demo, vec![process])?;
    check_told(demo, &codes);
    check_sibling(demo, &tape, before, during);
    settle(demo, &shot.faults, shot.at_ns);
    Ok(())
}
