//! What is played on the second stage, in containers, where Docker is there.

use std::time::Duration;

use anyhow::Result;
use injector_user::clock::monotonic_ns;

use super::acts::{ACTS, IN_CONTAINERS};
use super::client::Lane;
use super::containers::Containers;
use super::demo::{Demo, changes, in_one_line};
use super::series::series;
use crate::{Difference, Docker, HostSnapshot, is_running, wait_until};

/// For the kernel to take apart what was let go.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sets the stage, plays, and takes it down again, however it went.
pub(super) fn play(demo: &mut Demo) -> Result<()> {
    if !Docker::is_possible() {
        let missing = "not installed here: nothing is played in containers";
        demo.narrator.say("docker", missing);
        return Ok(());
    }
    // An engine looks for Docker where it was told to when it started.
    demo.temblor.leave()?;
    let before = HostSnapshot::take(&[HostSnapshot::HERE])?;
    let docker = match Docker::start() {
        Ok(docker) => docker,
        Err(error) => {
            // A daemon says last why it gave up.
            let said = error.to_string();
            let why = said.lines().last().unwrap_or_default();
            let told = format!("does not start here, nothing is played in containers: {why}");
            demo.narrator.say("docker", told);
            return demo.interrupts.wait(Duration::ZERO);
        }
    };
    let mut processes = Vec::new();
    let outcome = set(demo, docker, &mut processes).and_then(|()| play_all(demo));
    strike(demo)?;
    check_gone(demo, &before, &processes);
    // What failed because a person wanted it to end has not failed.
    outcome.or_else(|error| demo.interrupts.wait(Duration::ZERO).and(Err(error)))
}

/// Fills the stage and waits until its client is well.
fn set(demo: &mut Demo, docker: Docker, processes: &mut Vec<i32>) -> Result<()> {
    demo.narrator.title("The same in Docker containers");
    let redis = demo.stage.replica.program()?;
    let containers = Containers::fill(docker, &redis)?;
    *processes = containers.processes()?;
    let (name, value) = containers.variable();
    let who = "Redis, its sibling, and a client of both: a container each";
    demo.narrator.say("docker", who);
    demo.narrator.command_setting(name, &value);
    let tape = containers.tape().clone();
    demo.containers = Some(containers);
    demo.recover_of(&tape, Lane::Primary, monotonic_ns())?;
    Ok(())
}

fn play_all(demo: &mut Demo) -> Result<()> {
    for (number, act) in (ACTS.len() + 1..).zip(&IN_CONTAINERS) {
        demo.calm_down()?;
        act.perform(demo, number)?;
    }
    Ok(())
}

/// Lets engine and containers go, and keeps what the client felt.
fn strike(demo: &mut Demo) -> Result<()> {
    // The engine first: nothing may act on what goes next.
    let left = demo.temblor.leave();
    if let Some(containers) = demo.containers.take() {
        let lanes = [("container", Lane::Primary), ("its sibling", Lane::Replica)];
        let drawn = lanes.map(|(name, lane)| series(&demo.book, name, containers.tape(), lane));
        demo.book.series.extend(drawn);
    }
    left
}

/// Nothing of the Docker Engine is left, nor of what was done beside it.
fn check_gone(demo: &mut Demo, before: &HostSnapshot, processes: &[i32]) {
    let mut last = Difference::default();
    let same = wait_until("the host is as before Docker", PATIENCE, || {
        HostSnapshot::take(&[HostSnapshot::HERE]).is_ok_and(|now| {
            last = changes(before, &now);
            last.is_empty()
        })
    });
    let alive = processes.iter().filter(|pid| is_running(**pid)).count();
    let changed = in_one_line(&last);
    let detail = if same.is_ok() && alive == 0 {
        let count = processes.len();
        format!("{count} processes gone; network, cgroups, programs, mounts as before it came")
    } else {
        format!("{alive} processes still there; changed: {changed}")
    };
    let name = "Docker and all it made is gone";
    demo.check(name, same.is_ok() && alive == 0, detail);
}
