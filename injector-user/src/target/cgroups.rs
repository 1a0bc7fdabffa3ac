//! Reading cgroups as the planner sees them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use injector_core::plan::{Cgroup, CgroupId, Hierarchy};
use procfs::process::Process;

use super::hierarchy::{Mount, Mounts};
use super::members::{descendants, has_vanished, members};
use crate::freezer::{Flavour, Freezer, State};

/// The cgroup `path` in every hierarchy that has it.
pub(super) fn everywhere(mounts: &Mounts, path: &str) -> io::Result<Vec<Cgroup>> {
    let found = mounts.iter().map(|mount| read(mount, path));
    found.filter_map(Result::transpose).collect()
}

/// The cgroup `path` in one hierarchy; none if it does not exist there.
pub(super) fn read(mount: &Mount, path: &str) -> io::Result<Option<Cgroup>> {
    let Some(folder) = mount.folder(path) else {
        return Ok(None);
    };
    let is_root = folder == mount.point;
    match describe(mount, path, &folder, is_root) {
        Ok(cgroup) => Ok(Some(cgroup)),
        Err(error) if has_vanished(&error) => Ok(None),
        // A file in the way of the path.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    }
}

/// All cgroups of one hierarchy but the root.
pub(super) fn all(mount: &Mount) -> io::Result<Vec<Cgroup>> {
    let mut found = Vec::new();
    for folder in descendants(&mount.point)? {
        let Ok(below) = folder.strip_prefix(&mount.point) else {
            continue;
        };
        let path = Path::new(&mount.root).join(below);
        found.extend(read(mount, &path.to_string_lossy())?);
    }
    Ok(found)
}

/// The cgroups of this hierarchy that have processes of their own, but for the root.
pub fn inhabited(mount: &Mount) -> BTreeSet<CgroupId> {
    let found = descendants(&mount.point).unwrap_or_default().into_iter();
    let found = found.filter_map(|folder| {
        // One that vanishes while it is read has nobody.
        if !has_somebody(&folder).ok()? {
            return None;
        }
        let below = folder.strip_prefix(&mount.point).ok()?;
        let path = Path::new(&mount.root).join(below);
        Some(CgroupId {
            id: fs::metadata(&folder).ok()?.ino(),
            path: path.to_string_lossy().into_owned(),
        })
    });
    found.collect()
}

/// Whether processes are in this cgroup itself: more than the first byte is not needed.
fn has_somebody(folder: &Path) -> io::Result<bool> {
    let mut procs = File::open(folder.join("cgroup.procs"))?;
    Ok(procs.read(&mut [0])? > 0)
}

/// The cgroups that the processes `own` are in, and all above them, in whichever hierarchy.
pub(super) fn ancestors_of(own: &[i32]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for &pid in own {
        // One that has ended is in no cgroup.
        let cgroups = Process::new(pid).and_then(|process| process.cgroups());
        for cgroup in cgroups.map(|cgroups| cgroups.0).unwrap_or_default() {
            let path = Path::new(&cgroup.pathname);
            let above = path
                .ancestors()
                .map(|path| path.to_string_lossy().into_owned());
            found.extend(above);
        }
    }
    found.into_iter().collect()
}

fn describe(mount: &Mount, path: &str, folder: &Path, is_root: bool) -> io::Result<Cgroup> {
    let found = fs::metadata(folder)?;
    if !found.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    // Nobody targets the root, and reading who is in it means reading everything.
    let members = if is_root {
        BTreeSet::new()
    } else {
        members(folder)?
    };
    Ok(Cgroup {
        hierarchy: mount.hierarchy.clone(),
        path: path.to_owned(),
        id: found.ino(),
        members: members.into_iter().collect(),
        frozen: !is_root && is_frozen(&mount.hierarchy, folder),
        is_root,
    })
}

/// What cannot be read is not called thawed: the freezer refuses it later, with the reason.
fn is_frozen(hierarchy: &Hierarchy, folder: &Path) -> bool {
    let Some(flavour) = Flavour::of(hierarchy) else {
        return false;
    };
    !matches!(Freezer::look(flavour, folder), Ok(State::Thawed))
}

#[cfg(test)]
mod tests {
    use super::super::hierarchy::Mounts;
    use super::{ancestors_of, everywhere};

    #[test]
    fn the_root_is_in_every_hierarchy() {
        let mounts = Mounts::read().unwrap();
        let roots = everywhere(&mounts, "/").unwrap();
        assert_eq!(roots.len(), mounts.iter().count());
        assert!(roots.iter().all(|cgroup| cgroup.is_root && !cgroup.frozen));
    }

    #[test]
    fn a_cgroup_that_does_not_exist_is_nowhere() {
        let mounts = Mounts::read().unwrap();
        assert_eq!(everywhere(&mounts, "/no/such/cgroup").unwrap(), []);
        assert_eq!(everywhere(&mounts, "/cgroup.procs").unwrap(), []);
    }

    #[test]
    fn the_root_is_above_everybody() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(ancestors_of(&[me, i32::MAX]).contains(&"/".to_owned()));
    }
}
