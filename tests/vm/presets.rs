//! Faults that are made of system calls, by programs in the kernel: of a process that runs already.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use temblor_tests::{Caller, Engine, params, preset};

use crate::syscalls::target;

/// Everything that it says fails does, for the target alone, and nothing does when it is over.
fn check(kind: Kind) -> Result<()> {
    let preset = preset(kind).context("a preset")?;
    let (deeds, folder) = (preset.deeds(), tempfile::tempdir()?);
    let mut victim = Caller::start_in(folder.path(), 1, &deeds)?;
    let mut sibling = Caller::start_in(folder.path(), 1, &deeds)?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let path = format!("{}/", folder.path().display());
    let (target, path) = (target(&victim), ("path", &*path));
    let basic = [("target", &*target), ("duration", "10m")];
    let path = preset.is_of_files().then_some(path);
    let given = basic
        .into_iter()
        .chain(preset.given.iter().copied())
        .chain(path);
    let armed = client.arm(kind, &params(given))?;
    let (told, other) = (victim.round()?, sibling.round()?);
    let report = client.stop_one(&armed)?;
    assert_eq!(told, preset.expected(true), "{report:?}");
    assert_eq!(other, preset.expected(false));
    assert!(report.counters.identity_holds(), "{report:?}");
    assert!(
        report.counters.injected >= preset.fails.len() as u64,
        "{report:?}"
    );
    assert_eq!(victim.round()?, preset.expected(false));
    engine.end()
}

#[test]
fn no_descriptor() -> Result<()> {
    check(Kind::ProcessFdLimit)
}

#[test]
fn no_process_and_no_thread() -> Result<()> {
    check(Kind::ProcessForkError)
}

#[test]
fn no_memory() -> Result<()> {
    check(Kind::MemoryError)
}

#[test]
fn disk_errors() -> Result<()> {
    check(Kind::DiskError)
}

#[test]
fn disk_full() -> Result<()> {
    check(Kind::DiskFull)
}

#[test]
fn disk_full_after_so_many_bytes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut victim = Caller::start_in(folder.path(), 5, &["write", "writev"])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let path = format!("{}/", folder.path().display());
    let armed = client.arm(
        Kind::DiskFull,
        &params([
            ("target", &*target(&victim)),
            ("duration", "10m"),
            ("path", &*path),
            ("after", "7b"),
        ]),
    )?;
    let told = victim.round()?;
    let report = client.stop_one(&armed)?;
    let full = nix::errno::Errno::ENOSPC as i32;
    assert_eq!(told["write"], [0; 5]);
    assert_eq!(told["writev"], [0, 0, full, full, full]);
    // And what it does to be ready again.
    assert!(report.counters.injected >= 3, "{report:?}");
    engine.end()
}

#[test]
fn disk_readonly() -> Result<()> {
    check(Kind::DiskReadonly)
}
