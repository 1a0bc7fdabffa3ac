//! Nothing of an observer is left: after its end, when its client is killed, when the engine is.

use std::io::{BufRead as _, BufReader};

use anyhow::{Context as _, Result};
use injector_core::telemetry::Signal;
use nix::sys::signal::Signal as Unix;
use temblor_tests::{Client, is_stopped, signal, wait_until};

use super::scene::{Scene, await_unobserved, count, lost};
use crate::stage::DEADLINE;

#[test]
fn nothing_is_attached_before_somebody_asks_nor_afterwards() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let observing = |scene: &Scene| -> Result<usize> {
        let (status, _faults) = scene.stage.engine.client()?.status()?;
        Ok(status.observing)
    };
    assert_eq!(observing(&scene)?, 0);
    let mut client = scene.observe(Signal::ALL)?;
    client.frame()?;
    let all = observing(&scene)?;
    let fewer = scene.observe(&[Signal::Life])?;
    assert_eq!(observing(&scene)?, all);
    drop(client);
    wait_until("the rest is detached", DEADLINE, || {
        observing(&scene).is_ok_and(|attached| attached == 2)
    })?;
    drop(fewer);
    scene.close()
}

#[test]
fn it_ends_with_a_client_that_is_killed() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut command = scene
        .stage
        .cli()
        .start(&["observe", &label, "--duration", "60s"])?;
    wait_until("it observes", DEADLINE, || {
        let status = scene
            .stage
            .engine
            .client()
            .and_then(|mut client| client.status());
        status.is_ok_and(|(status, _faults)| status.observing > 0)
    })?;
    signal(command.id().cast_signed(), Unix::SIGKILL)?;
    command.wait()?;
    await_unobserved(&scene.stage)?;
    scene.close()
}

#[test]
fn it_ends_with_an_engine_that_is_killed() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.observe(Signal::ALL)?;
    client.frame()?;
    lose_engine(scene, client)
}

#[test]
fn who_is_observed_notices_nothing_of_an_engine_that_is_stopped() -> Result<()> {
    let mut scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(Signal::ALL)?;
    let engine = scene.stage.engine.pid();
    signal(engine, Unix::SIGSTOP)?;
    wait_until("the engine stands still", DEADLINE, || is_stopped(engine))?;
    let told = scene.resident.round()?;
    assert!(told["getsid"].iter().all(|errno| *errno == 0), "{told:?}");
    signal(engine, Unix::SIGCONT)?;
    let frame = client.frame()?;
    assert_eq!(count(&frame, "syscalls", &[&label, "getsid"])?, 1);
    assert_eq!(lost(&frame)?, 0);
    // Stopped again, it is killed.
    signal(engine, Unix::SIGSTOP)?;
    wait_until("the engine stands still", DEADLINE, || is_stopped(engine))?;
    lose_engine(scene, client)
}

/// Kills the engine while somebody observes; what it leaves is compared with what was there before.
fn lose_engine(mut scene: Scene, client: Client) -> Result<()> {
    scene.stage.engine.lose()?;
    drop(client);
    let said = scene.stage.cli().run(&["undo"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let Scene {
        stage,
        cgroup,
        resident,
    } = scene;
    drop(resident);
    drop(cgroup);
    stage.close()
}

#[test]
fn an_interrupt_ends_it_with_what_was_seen_so_far() -> Result<()> {
    let mut scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let words = [
        "observe",
        &label,
        "--duration",
        "60s",
        "--json",
        "--verbose",
    ];
    let mut command = scene.stage.cli().start(&words)?;
    let mut said = BufReader::new(command.stderr.take().context("stderr is piped")?);
    let mut line = String::new();
    while line != "observing\n" {
        line.clear();
        anyhow::ensure!(said.read_line(&mut line)? > 0, "it ended by itself");
    }
    scene.resident.round()?;
    signal(command.id().cast_signed(), Unix::SIGINT)?;
    let output = command.wait_with_output()?;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let series = report["series"].as_array().context("series")?;
    let made = series.iter().find(|one| {
        one["metric"] == "temblor_syscalls_total" && one["labels"]["syscall"] == "getsid"
    });
    assert_eq!(made.context("the call was seen")?["increase"], 1);
    scene.close()
}
