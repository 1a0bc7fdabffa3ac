//! A throw-away cgroup, and what earlier probers may have left of theirs.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use injector_core::plan::Hierarchy;
use nix::poll::{PollTimeout, poll};

use super::guard::Guard;
use super::obstacle::Obstacle;
use super::subject::{PATIENCE, Subject};
use crate::clock::monotonic_ns;
use crate::freezer::{Flavour, Freezer};
use crate::safety::permit_housekeeping;
use crate::safety::undo::{Cause, Effect, Recorded, UndoLog};
use crate::target::{Mount, Mounts};

/// What the names of throw-away cgroups begin with; the pid of their maker follows.
const PREFIX: &str = "temblor-probe-";

/// How many this process has made: several threads may be probing.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A cgroup of its own for one trial; removed with this value, or by its guard.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    path: String,
    recorded: Option<Recorded>,
    _guard: Guard,
}

impl Room {
    /// Makes the cgroup just below what we see of the hierarchy: written down before, if there is an
    /// undo log.
    pub(super) fn make(flavour: Flavour, log: Option<&UndoLog>) -> Result<Self, Obstacle> {
        Self::make_in(mount_of(flavour)?, log)
    }

    /// The same in any hierarchy.
    pub(super) fn make_in(mount: Mount, log: Option<&UndoLog>) -> Result<Self, Obstacle> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let folder = mount.point.join(&name);
        // Where there is no freezer, nothing is there to be thawed.
        let flavour = Flavour::of(&mount.hierarchy).unwrap_or(Flavour::V1);
        let guard = Guard::fork(&folder, flavour)?;
        let effect = Effect::RemoveCgroup {
            path: folder.clone(),
            inode: None,
        };
        let record = |log: &UndoLog| log.record(&permit_housekeeping(), effect, Cause::default());
        let mut room = Self {
            path: Path::new(&mount.root)
                .join(&name)
                .to_string_lossy()
                .into_owned(),
            recorded: log.map(record).transpose()?,
            folder,
            _guard: guard,
        };
        if let Err(source) = fs::create_dir(&room.folder) {
            let path = mount.point;
            // It was not made, so there is nothing to undo.
            room.recorded.take().map(Recorded::done).transpose()?;
            return Err(Obstacle::Cgroup { path, source });
        }
        Ok(room)
    }

    /// Where it is mounted.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// As in `/proc/PID/cgroup`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// As the kernel's programs know it.
    pub(super) fn id(&self) -> Result<u64, Obstacle> {
        let found = fs::metadata(&self.folder).map_err(|source| Obstacle::Cgroup {
            path: self.folder.clone(),
            source,
        })?;
        Ok(found.ino())
    }

    pub(super) fn enter(&self, subject: &Subject) -> Result<(), Obstacle> {
        let procs = self.folder.join("cgroup.procs");
        fs::write(&procs, subject.pid().to_string()).map_err(|source| Obstacle::Cgroup {
            path: self.folder.clone(),
            source,
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What was in it has been killed and may be counted for a moment yet.
        if remove(&self.folder, PATIENCE)
            && let Some(recorded) = self.recorded.take()
        {
            // Recovery would find nothing to remove.
            let _harmless = recorded.done();
        }
    }
}

/// Removes the throw-away cgroups of probers that are no more and had no time to.
pub(super) fn sweep() {
    let Ok(mounts) = Mounts::read() else {
        return;
    };
    for mount in mounts.iter() {
        for entry in fs::read_dir(&mount.point).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().and_then(maker).is_some_and(is_gone) {
                let folder = entry.path();
                // A cgroup that cannot be thawed was not frozen, or its removal fails.
                let _thawed = Flavour::of(&mount.hierarchy).map(|flavour| {
                    Freezer::open(flavour, &folder).and_then(|freezer| freezer.thaw())
                });
                remove(&folder, PATIENCE);
            }
        }
    }
}

/// Where the hierarchy with this freezer is mounted.
pub(super) fn mount_of(flavour: Flavour) -> Result<Mount, Obstacle> {
    let hierarchy = match flavour {
        Flavour::V2 => Hierarchy::V2,
        Flavour::V1 => Hierarchy::V1Freezer,
    };
    mount_where(hierarchy.clone(), |one| *one == hierarchy)
}

/// Where the first hierarchy is mounted that is `wanted`; `name` is what is said if none is.
pub(super) fn mount_where(
    name: Hierarchy,
    wanted: impl Fn(&Hierarchy) -> bool,
) -> Result<Mount, Obstacle> {
    let mounts = Mounts::read().map_err(|error| Obstacle::Prepare {
        action: "read the mounts",
        source: std::io::Error::other(error),
    })?;
    let found = mounts
        .iter()
        .find(|mount| wanted(&mount.hierarchy))
        .cloned();
    found.ok_or(Obstacle::NotMounted(name))
}

/// Sleeps for a moment between two looks at something.
pub(super) fn pause() {
    let _slept = poll(&mut [], PollTimeout::from(1_u8));
}

fn remove(folder: &Path, patience: Duration) -> bool {
    let deadline = monotonic_ns() + u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
    loop {
        if fs::remove_dir(folder).is_ok() || !folder.exists() {
            return true;
        }
        if monotonic_ns() > deadline {
            return false;
        }
        pause();
    }
}

fn maker(name: &str) -> Option<i32> {
    let (pid, _number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    pid.parse().ok()
}

fn is_gone(pid: i32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::maker;

    #[test]
    fn only_our_own_cgroups_name_a_maker() {
        assert_eq!(maker("temblor-probe-12-0"), Some(12));
        for other in [
            "temblor-probe-12",
            "temblor-probe-1x-0",
            "temblor-keeper-1",
            "x",
        ] {
            assert_eq!(maker(other), None, "{other}");
        }
    }
}
