//! Faults that are made of system calls, of a command by its filter.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use temblor_tests::{Caller, Commanded, preset};

use super::scene::close;
use crate::stage::Stage;

/// Everything that it says fails does, and nothing does when it is over.
fn check(kind: Kind) -> Result<()> {
    let preset = preset(kind).context("a preset")?;
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let path = format!("{}/", folder.path().display());
    let command = Caller::command(folder.path(), 1, &preset.deeds())?;
    let path = preset.is_of_files().then_some(("path", &*path));
    let basic = [("duration", "60s"), ("backend", "seccomp")];
    let given = basic.into_iter().chain(preset.given.iter().copied());
    let given: Vec<_> = given.chain(path).collect();
    let mut commanded = Commanded::start_with(&stage.engine, kind, &command, &given)?;
    commanded.client.act(&commanded.armed)?;
    let told = commanded.caller.round()?;
    let armed = commanded.armed.clone();
    let report = commanded.client.stop_one(&armed)?;
    assert_eq!(told, preset.expected(true), "{report:?}");
    assert!(report.counters.identity_holds(), "{report:?}");
    assert_eq!(commanded.caller.round()?, preset.expected(false));
    drop(commanded);
    close(stage)
}

#[test]
fn no_descriptor_is_given() -> Result<()> {
    check(Kind::ProcessFdLimit)
}

#[test]
fn no_process_and_no_thread_is_made() -> Result<()> {
    check(Kind::ProcessForkError)
}

#[test]
fn no_memory_is_given_by_whichever_call_asks() -> Result<()> {
    check(Kind::MemoryError)
}

#[test]
fn a_disk_has_errors() -> Result<()> {
    check(Kind::DiskError)
}

#[test]
fn a_disk_is_full() -> Result<()> {
    check(Kind::DiskFull)
}

#[test]
fn a_disk_is_read_only() -> Result<()> {
    check(Kind::DiskReadonly)
}
