//! Which processes a cgroup holds.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::sys::fd::{pidfd_open, pidfd_signal};

/// The processes in the cgroup at `folder` and in the cgroups below it.
///
/// A process of a pid namespace that we do not see has the number 0. A cgroup that vanishes while
/// being read has no members; `folder` itself must exist.
pub fn members(folder: &Path) -> io::Result<BTreeSet<i32>> {
    let mut found = direct_members(folder)?;
    for below in descendants(folder)? {
        match direct_members(&below) {
            Ok(members) => found.extend(members),
            // The processes of a threaded cgroup are listed in the domain it belongs to.
            Err(error) if is(&error, Errno::EOPNOTSUPP) || has_vanished(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Kills all processes in the cgroup at `folder` and below it, and waits until they have ended: how many
/// there were.
pub fn end_members(folder: &Path) -> io::Result<usize> {
    const TRIES: u8 = 200;
    const PAUSE_MS: u8 = 5;
    let mut ended = BTreeSet::new();
    for _ in 0..TRIES {
        let found = match members(folder) {
            Err(error) if has_vanished(&error) => BTreeSet::new(),
            found => found?,
        };
        if found.is_empty() {
            return Ok(ended.len());
        }
        for pid in &found {
            // Held before it is looked at again: it is never somebody else.
            let Ok(pidfd) = pidfd_open(Pid::from_raw(*pid)) else {
                continue;
            };
            if members(folder).is_ok_and(|members| members.contains(pid)) {
                // It may have ended by itself.
                let _gone = pidfd_signal(pidfd.as_fd(), Signal::SIGKILL);
            }
        }
        ended.extend(found);
        poll(&mut [], PollTimeout::from(PAUSE_MS))?;
    }
    Err(io::Error::from(ErrorKind::TimedOut))
}

/// The cgroups below `folder`, deepest last.
pub fn descendants(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = children(folder)?;
    let mut next = 0;
    while let Some(below) = found.get(next) {
        match children(below) {
            Ok(more) => found.extend(more),
            Err(error) if has_vanished(&error) => {}
            Err(error) => return Err(error),
        }
        next += 1;
    }
    Ok(found)
}

/// Whether the error says that the cgroup is gone.
pub(crate) fn has_vanished(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || is(error, Errno::ENODEV)
}

fn direct_members(folder: &Path) -> io::Result<BTreeSet<i32>> {
    let text = fs::read_to_string(folder.join("cgroup.procs"))?;
    let numbers = text.lines().map(str::parse);
    numbers
        .collect::<Result<_, _>>()
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let about = fs::metadata(folder)?;
    if about.is_dir() && about.nlink() == LINKS_ALONE {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Links of a folder with no other in it: kernfs counts them (`kernfs_refresh_inode`), and to read one that
/// has none takes longest.
const LINKS_ALONE: u64 = 2;

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::io::ErrorKind;

    use super::members;

    #[test]
    fn members_of_descendants_are_members() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.path().join("cgroup.procs"), "1\n2\n").unwrap();
        fs::write(root.path().join("a/cgroup.procs"), "").unwrap();
        fs::write(deep.join("cgroup.procs"), "0\n30\n").unwrap();
        assert_eq!(members(root.path()).unwrap(), BTreeSet::from([0, 1, 2, 30]));
    }

    #[test]
    fn a_cgroup_that_is_not_there_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let error = members(&root.path().join("gone")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
