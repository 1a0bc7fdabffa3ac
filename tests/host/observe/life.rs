//! Programs that are executed and processes that end, however many.

use std::fs;

use anyhow::{Context as _, Result};
use injector_core::telemetry::Signal;
use temblor_tests::wait_until;

use super::scene::{Scene, count, lost};
use crate::stage::DEADLINE;

#[test]
fn every_exec_and_exit_is_counted_by_how_it_ended() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(&[Signal::Life])?;
    scene.run("true", &[])?;
    scene.run("false", &[])?;
    scene.run("sh", &["-c", "exit 42"])?;
    scene.run("sh", &["-c", "kill -KILL $$"])?;
    let frame = client.frame()?;
    let exits = |code: &str, signal: &str| count(&frame, "exits", &[&label, code, signal]);
    assert_eq!(count(&frame, "execs", &[&label])?, 4);
    assert_eq!(exits("0", "none")?, 1);
    assert_eq!(exits("1", "none")?, 1);
    assert_eq!(exits("42", "none")?, 1);
    assert_eq!(exits("0", "SIGKILL")?, 1);
    drop(client);
    scene.close()
}

/// Processes in the storm.
const STORM: u64 = 3_000;
/// What the engine may grow by meanwhile, in KiB.
const GROWTH: u64 = 8 * 1024;

#[test]
fn a_storm_of_short_lived_processes_is_counted_whole_in_bounded_memory() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let signals = [Signal::Life, Signal::Syscalls, Signal::Scheduler];
    let mut client = scene.observe(&signals)?;
    storm(&scene, 50)?;
    client.frame()?;
    let before = resident_kib(scene.stage.engine.pid())?;
    storm(&scene, STORM)?;
    let mut ended = 0;
    wait_until("all have ended", DEADLINE, || {
        let frame = client.frame();
        let found = frame.and_then(|frame| count(&frame, "exits", &[&label, "7", "none"]));
        ended = found.unwrap_or_default();
        ended == STORM + 50
    })
    .with_context(|| format!("{ended} of {}", STORM + 50))?;
    assert_eq!(lost(&client.frame()?)?, 0);
    let after = resident_kib(scene.stage.engine.pid())?;
    assert!(after < before + GROWTH, "{before} KiB became {after} KiB");
    drop(client);
    scene.close()
}

/// So many children that end with 7.
fn storm(scene: &Scene, count: u64) -> Result<()> {
    let script = format!("i=0; while [ $i -lt {count} ]; do (exit 7); i=$((i+1)); done");
    scene.run("sh", &["-c", &script]).map(drop)
}

fn resident_kib(pid: i32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("resident memory")?.parse()?)
}
