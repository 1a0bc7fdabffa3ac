//! The undo log when even the keeper is gone, and when there is no room for it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use injector_user::freezer::State;
use injector_user::safety::permit_housekeeping;
use injector_user::safety::undo::{Cause, Effect, Ending, UndoError, UndoLog, recover};
use nix::mount::{MsFlags, mount, umount};
use nix::sys::signal::Signal;
use temblor_tests::wait_until;

use super::double::{DEADLINE, Scene, for_each_freezer, is_running, is_stopped};

#[test]
fn recovery_thaws_what_engine_and_keeper_left() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::frozen("pulses", flavour)?;
        // Stopped, so that it can do nothing when the engine dies.
        scene.signal_keeper(Signal::SIGSTOP)?;
        wait_until("the keeper has stopped", DEADLINE, || {
            is_stopped(scene.keeper)
        })?;
        scene.signal_engine(Signal::SIGKILL)?;
        let engine = scene.engine()?;
        wait_until("the engine is gone", DEADLINE, || !is_running(engine))?;
        scene.signal_keeper(Signal::SIGKILL)?;
        wait_until("the keeper is gone", DEADLINE, || !is_running(scene.keeper))?;
        assert_eq!(scene.cgroup.state()?, State::Frozen);
        let outcomes = recover(&scene.undo_folder())?;
        let endings: Vec<_> = outcomes.into_iter().map(|outcome| outcome.ending).collect();
        // The freeze, then the keeper's cgroup.
        assert_eq!(endings, [Ending::Undone, Ending::Undone]);
        scene.await_thawed()?;
        assert_eq!(recover(&scene.undo_folder())?, []);
        scene.await_nothing_left()
    })
}

#[test]
fn a_running_engine_keeps_its_entries() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::frozen("pulses", flavour)?;
        let outcomes = recover(&scene.undo_folder())?;
        let note = format!("in use by the engine with pid {}", scene.engine()?);
        let endings: Vec<_> = outcomes.into_iter().map(|outcome| outcome.ending).collect();
        assert_eq!(endings, [Ending::Kept(note.clone()), Ending::Kept(note)]);
        assert_eq!(scene.cgroup.state()?, State::Frozen);
        scene.close_input();
        scene.await_nothing_left()
    })
}

#[test]
fn a_full_disk_stops_a_change_before_it_is_made() -> Result<()> {
    let disk = Disk::mount("size=8k")?;
    let log = UndoLog::open(&disk.path().join("undo"))?;
    let filled = fs::write(disk.path().join("filler"), [0; 16 << 10]);
    assert!(filled.is_err(), "the disk is full");
    let effect = Effect::RemoveCgroup {
        path: "/nonexistent".into(),
        inode: None,
    };
    let recorded = log.record(&permit_housekeeping(), effect, Cause::default());
    let error = recorded.err().context("nothing fits on a full disk")?;
    assert!(matches!(error, UndoError::Write { .. }), "{error}");
    let hint = "nothing was changed: free some space there, or set TEMBLOR_RUN_DIR";
    assert_eq!(error.hint(), Some(hint));
    assert_eq!(fs::read_dir(disk.path().join("undo"))?.count(), 0);
    Ok(())
}

/// A small disk of its own, unmounted with this value.
#[derive(Debug)]
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn mount(options: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (none, kind) = (Some("temblor-test"), Some("tmpfs"));
        mount(none, folder.path(), kind, MsFlags::empty(), Some(options))?;
        Ok(Self { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = umount(self.folder.path());
        assert!(
            std::thread::panicking() || unmounted.is_ok(),
            "{unmounted:?}"
        );
    }
}
