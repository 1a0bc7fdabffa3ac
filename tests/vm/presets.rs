//! Faults that are made of system calls, by programs in the kernel: of a process that runs already.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use temblor_tests::{Armed, Caller, Client, Engine, Preset, params, preset, wait_until};
use tempfile::TempDir;

use crate::ending::Ending;
use crate::syscalls::{DEADLINE, target};

/// Somebody whom a fault of this kind is for, and somebody beside.
struct Pair {
    preset: &'static Preset,
    folder: TempDir,
    victim: Caller,
    sibling: Caller,
}

impl Pair {
    fn start(kind: Kind) -> Result<Self> {
        let preset = preset(kind).context("a preset")?;
        let (deeds, folder) = (preset.deeds(), tempfile::tempdir()?);
        Ok(Self {
            preset,
            victim: Caller::start_in(folder.path(), 1, &deeds)?,
            sibling: Caller::start_in(folder.path(), 1, &deeds)?,
            folder,
        })
    }

    fn arm(&self, client: &mut Client, duration: &str) -> Result<Armed> {
        let path = format!("{}/", self.folder.path().display());
        let target = target(&self.victim);
        let basic = [("target", &*target), ("duration", duration)];
        let path = self.preset.is_of_files().then_some(("path", &*path));
        let given = basic.into_iter().chain(self.preset.given.iter().copied());
        client.arm(self.preset.kind, &params(given.chain(path)))
    }
}

/// Everything that it says fails does, for the target alone, and nothing does when it is over.
fn check(kind: Kind) -> Result<()> {
    let mut pair = Pair::start(kind)?;
    let preset = pair.preset;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let armed = pair.arm(&mut client, "10m")?;
    let (told, other) = (pair.victim.round()?, pair.sibling.round()?);
    let report = client.stop_one(&armed)?;
    assert_eq!(told, preset.expected(true), "{report:?}");
    assert_eq!(other, preset.expected(false));
    assert!(report.counters.identity_holds(), "{report:?}");
    assert!(
        report.counters.injected >= preset.fails.len() as u64,
        "{report:?}"
    );
    assert_eq!(pair.victim.round()?, preset.expected(false));
    engine.end()
}

/// Nothing fails any more, however it ended.
fn check_gone(kind: Kind) -> Result<()> {
    for ending in Ending::ALL {
        // Each has a victim of its own: what `malloc` got just when the fault had ended it keeps, and
        // asks nobody for it again.
        let mut pair = Pair::start(kind)?;
        let preset = pair.preset;
        let engine = Engine::start()?;
        let mut client = engine.client()?;
        let armed = pair.arm(&mut client, ending.duration())?;
        let told = pair.victim.round()?;
        let report = client.snapshot(&armed.fault)?;
        assert_eq!(told, preset.expected(true), "{ending:?}: {report:?}");
        let _kept = ending.bring(&engine, client, &armed)?;
        wait_until("it is over", DEADLINE, || {
            let told = pair.victim.round();
            told.is_ok_and(|told| told == preset.expected(false))
        })
        .with_context(|| format!("{ending:?}"))?;
        assert_eq!(pair.sibling.round()?, preset.expected(false), "{ending:?}");
    }
    Ok(())
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

#[test]
fn no_descriptor_has_gone() -> Result<()> {
    check_gone(Kind::ProcessFdLimit)
}

#[test]
fn no_process_and_no_thread_has_gone() -> Result<()> {
    check_gone(Kind::ProcessForkError)
}

#[test]
fn no_memory_has_gone() -> Result<()> {
    check_gone(Kind::MemoryError)
}

#[test]
fn disk_errors_have_gone() -> Result<()> {
    check_gone(Kind::DiskError)
}

#[test]
fn disk_full_has_gone() -> Result<()> {
    check_gone(Kind::DiskFull)
}

#[test]
fn disk_readonly_has_gone() -> Result<()> {
    check_gone(Kind::DiskReadonly)
}
