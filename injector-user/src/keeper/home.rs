//! The keeper's own cgroup, so that nothing that freezes or starves the engine's reaches it.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use injector_core::plan::Hierarchy;
use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, unlinkat, write};
use procfs::process::Process;

use super::charge::strike_out;
use super::fault::KeeperError;
use super::message::{Name, name};
use crate::safety::undo::{Cause, Effect, Recorded, UndoLog, remove_folder};
use crate::safety::{Permit, permit_housekeeping};
use crate::target::{Mount, Mounts, cgroup_of};

/// A cgroup of version 2 that holds the keeper alone. Made by the engine, entered and removed by the
/// keeper; removed by the engine if the keeper has died.
#[derive(Debug)]
pub(super) struct Home {
    parent: OwnedFd,
    folder: CString,
    /// `cgroup.procs` of this cgroup, and of the one that the keeper came from.
    inside: OwnedFd,
    outside: OwnedFd,
    recorded: Recorded,
    log: OwnedFd,
    entry: Name,
}

impl Home {
    /// Makes the cgroup, written down before; none on a host without version 2.
    pub(super) fn make(log: &UndoLog) -> Result<Option<Self>, KeeperError> {
        let mounts = Mounts::read().map_err(|error| KeeperError::Home {
            path: "/proc/self/mountinfo".into(),
            source: io::Error::other(error),
        })?;
        let mount = mounts.get(&Hierarchy::V2);
        mount
            .map(|mount| Self::make_in(mount, log, &permit_housekeeping()))
            .transpose()
    }

    fn make_in(mount: &Mount, log: &UndoLog, permit: &Permit) -> Result<Self, KeeperError> {
        let name_text = format!("temblor-keeper-{}", std::process::id());
        let path = mount.point.join(&name_text);
        let effect = Effect::RemoveCgroup {
            path: path.clone(),
            inode: None,
        };
        let recorded = log.record(permit, effect, Cause::default());
        let recorded = recorded.map_err(KeeperError::Record)?;
        match Self::open(mount, &name_text, &path, recorded) {
            Ok(home) => Ok(home),
            Err(source) => {
                // Not made, or made and empty; if it cannot be removed, the undo log still has it.
                let removed = fs::remove_dir(&path);
                debug_assert!(removed.is_ok() || !path.exists(), "{removed:?}");
                Err(KeeperError::Home { path, source })
            }
        }
    }

    fn open(mount: &Mount, name_text: &str, path: &Path, recorded: Recorded) -> io::Result<Self> {
        fs::create_dir(path)?;
        let procs = |folder: &Path| {
            File::options()
                .write(true)
                .open(folder.join("cgroup.procs"))
        };
        let entry = name(recorded.name()).ok_or(io::ErrorKind::InvalidFilename)?;
        Ok(Self {
            parent: File::open(&mount.point)?.into(),
            folder: CString::new(name_text)?,
            inside: procs(path)?.into(),
            outside: procs(&origin(mount)?)?.into(),
            log: recorded.folder().try_clone_to_owned()?,
            recorded,
            entry,
        })
    }

    pub(super) fn descriptors(&self) -> [RawFd; 4] {
        [&self.parent, &self.inside, &self.outside, &self.log].map(AsRawFd::as_raw_fd)
    }

    /// Moves the calling process in. A keeper that cannot is one all the same.
    pub(super) fn enter(&self) -> nix::Result<()> {
        write(&self.inside, b"0").map(drop)
    }

    /// Moves the calling process back to where it came from, and removes the cgroup with its entry in
    /// the undo log.
    pub(super) fn leave(&self) -> bool {
        write(&self.outside, b"0").is_ok()
            && matches!(self.remove(), Ok(()) | Err(Errno::ENOENT))
            && strike_out(&self.log, &self.entry)
    }

    /// What [`Home::leave`] does, for the engine when the keeper has ended without doing it.
    pub(super) fn clear(self) {
        if remove_folder(|| Ok(self.remove()?)).is_ok() {
            let struck_out = self.recorded.done();
            // An entry that stays is harmless: recovery finds nothing to undo.
            debug_assert!(struck_out.is_ok(), "{struck_out:?}");
        }
    }

    fn remove(&self) -> nix::Result<()> {
        unlinkat(
            &self.parent,
            self.folder.as_c_str(),
            UnlinkatFlags::RemoveDir,
        )
    }
}

fn origin(mount: &Mount) -> io::Result<std::path::PathBuf> {
    let myself = Process::myself().map_err(io::Error::other)?;
    let path = cgroup_of(&myself, &mount.hierarchy).map_err(io::Error::other)?;
    let shown = path.as_deref().and_then(|path| mount.folder(path));
    Ok(shown.unwrap_or_else(|| mount.point.clone()))
}
