//! However it ends: no call fails any more, and none waits for ever.

use std::process::Child;

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use temblor_tests::{Commanded, is_running, signal, wait_until};
use tempfile::TempDir;

use super::scene::{begin, close, file, leave, lines_of};
use crate::stage::{DEADLINE, Stage};

const EIO: i32 = Errno::EIO as i32;

const GIVEN: [(&str, &str); 3] = [
    ("syscalls", "fsync"),
    ("errno", "EIO"),
    ("backend", "seccomp"),
];

fn suffering(stage: &Stage, duration: &str) -> Result<Commanded> {
    let given: Vec<_> = GIVEN.into_iter().chain([("duration", duration)]).collect();
    let mut commanded = Commanded::suffering(&stage.engine, 1, &["fsync"], &given)?;
    assert_eq!(commanded.one("fsync")?, EIO);
    Ok(commanded)
}

/// Waits until calls are made again.
fn await_over(commanded: &mut Commanded) -> Result<()> {
    wait_until("calls are made again", DEADLINE, || {
        commanded.one("fsync").is_ok_and(|errno| errno == 0)
    })?;
    // Not only once.
    for _ in 0..3 {
        assert_eq!(commanded.one("fsync")?, 0);
    }
    Ok(())
}

#[test]
fn a_deadline_ends_it() -> Result<()> {
    let stage = Stage::set()?;
    let mut commanded = suffering(&stage, "300ms")?;
    await_over(&mut commanded)?;
    drop(commanded);
    close(stage)
}

#[test]
fn a_stop_ends_it_at_once() -> Result<()> {
    let stage = Stage::set()?;
    let mut commanded = suffering(&stage, "60s")?;
    let said = stage.cli().run(&["stop"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(commanded.one("fsync")?, 0);
    drop(commanded);
    close(stage)
}

#[test]
fn a_client_that_goes_takes_it_along() -> Result<()> {
    let stage = Stage::set()?;
    let mut commanded = suffering(&stage, "60s")?;
    commanded.client = stage.engine.client()?;
    await_over(&mut commanded)?;
    drop(commanded);
    close(stage)
}

#[test]
fn a_killed_engine_leaves_calls_to_its_keeper() -> Result<()> {
    let stage = Stage::set()?;
    let mut commanded = suffering(&stage, "60s")?;
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    await_over(&mut commanded)?;
    let keeper = stage.engine.keeper();
    assert!(
        is_running(keeper),
        "it answers for as long as somebody calls"
    );
    drop(commanded);
    wait_until("the keeper leaves", DEADLINE, || !is_running(keeper))?;
    leave(stage)
}

#[test]
fn a_stopped_engine_keeps_no_call_waiting() -> Result<()> {
    let stage = Stage::set()?;
    let mut commanded = suffering(&stage, "60s")?;
    signal(stage.engine.pid(), Signal::SIGSTOP)?;
    await_over(&mut commanded)?;
    drop(commanded);
    let keeper = stage.engine.keeper();
    wait_until("the keeper leaves", DEADLINE, || !is_running(keeper))?;
    leave(stage)
}

#[test]
fn a_stopped_keeper_keeps_no_call_waiting() -> Result<()> {
    let stage = Stage::set()?;
    let mut commanded = suffering(&stage, "60s")?;
    signal(stage.engine.keeper(), Signal::SIGSTOP)?;
    assert_eq!(commanded.one("fsync")?, EIO);
    let armed = commanded.armed.clone();
    commanded.client.stop_one(&armed)?;
    assert_eq!(commanded.one("fsync")?, 0);
    signal(stage.engine.keeper(), Signal::SIGCONT)?;
    assert_eq!(commanded.one("fsync")?, 0);
    drop(commanded);
    close(stage)
}

#[test]
fn a_command_dies_with_the_keeper() -> Result<()> {
    let mut stage = Stage::set()?;
    let commanded = suffering(&stage, "60s")?;
    let pid = commanded.caller.pid();
    signal(stage.engine.keeper(), Signal::SIGKILL)?;
    wait_until("the command has ended", DEADLINE, || !is_running(pid))?;
    drop(commanded);
    stage.engine.await_end()?;
    leave(stage)
}

/// A command that ends, with 0, only when a call of it succeeds.
fn until_it_succeeds(stage: &Stage) -> Result<(Child, TempDir)> {
    let folder = tempfile::tempdir()?;
    let path = file(&folder, "file")?;
    let begun = folder.path().join("begun");
    let script = format!(
        "until sync {} 2>/dev/null; do : >>{}; done; echo :over",
        path.display(),
        begun.display()
    );
    let child = begin(stage, "--syscalls fsync --errno EIO", &script, &begun)?;
    Ok((child, folder))
}

#[test]
fn a_command_goes_on_when_engine_and_keeper_are_stopped() -> Result<()> {
    let stage = Stage::set()?;
    let (child, _folder) = until_it_succeeds(&stage)?;
    signal(stage.engine.keeper(), Signal::SIGSTOP)?;
    signal(stage.engine.pid(), Signal::SIGSTOP)?;
    assert_eq!(lines_of(child)?, ["over"]);
    leave(stage)
}

#[test]
fn a_command_goes_on_when_its_keeper_is_stopped_and_its_engine_killed() -> Result<()> {
    let stage = Stage::set()?;
    let (child, _folder) = until_it_succeeds(&stage)?;
    signal(stage.engine.keeper(), Signal::SIGSTOP)?;
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    assert_eq!(lines_of(child)?, ["over"]);
    leave(stage)
}

#[test]
fn a_command_dies_with_engine_and_keeper() -> Result<()> {
    let stage = Stage::set()?;
    let (child, _folder) = until_it_succeeds(&stage)?;
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    signal(stage.engine.keeper(), Signal::SIGKILL)?;
    assert_eq!(lines_of(child)?, [""; 0]);
    leave(stage)
}

#[test]
fn the_next_engine_ends_whose_calls_nobody_answers() -> Result<()> {
    let stage = Stage::set()?;
    let commanded = suffering(&stage, "60s")?;
    let pid = commanded.caller.pid();
    // Nobody but a starter would notice.
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    signal(stage.engine.keeper(), Signal::SIGKILL)?;
    let mut engine = stage.engine;
    engine.await_end()?;
    assert!(is_running(pid));
    let entries = engine.undo_entries()?;
    let answer = |path: &std::path::PathBuf| path.to_string_lossy().contains("/answer-");
    assert!(entries.iter().any(answer), "{entries:?}");
    let outcomes = injector_user::safety::undo::recover(&engine.run_dir().join("undo"))?;
    assert!(
        outcomes.iter().all(|one| !one.ending.is_incomplete()),
        "{outcomes:?}"
    );
    wait_until("the command has ended", DEADLINE, || !is_running(pid))?;
    drop(commanded);
    let left = injector_user::safety::undo::recover(&engine.run_dir().join("undo"))?;
    assert!(engine.undo_entries()?.is_empty(), "{left:?}");
    Ok(())
}
