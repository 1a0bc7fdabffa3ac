//! The files that a path means to a target: looked up in its own root, and then known by their inodes.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use injector_core::fault::Action;
use injector_core::fault::syscall::PathFilter;
use injector_core::plan::{FileId, Files, Process};
use nix::sys::stat::{major, minor};
use procfs::process::Process as Proc;

/// More than this fit no pattern that was meant.
const MOST: usize = 8192;

/// What the path filter of a fault means to these processes, or to whoever we are if there are none yet.
pub fn files_of(action: &Action, processes: &[Process]) -> Files {
    let Some(filter) = action.failing().and_then(|failing| failing.path) else {
        return Files::default();
    };
    let (mut files, mut directories) = (BTreeSet::new(), BTreeSet::new());
    for root in roots(processes) {
        match &filter {
            PathFilter::Exact(path) => files.extend(look(&inside(&root, path))),
            PathFilter::Below(path) => {
                directories.extend(look(&inside(&root, path)));
                directories.extend(mounts_below(&root, path));
            }
            PathFilter::Like(_) => add_matches(&filter, &root, filter.root(), &mut files),
        }
    }
    Files {
        files: files.into_iter().collect(),
        directories: directories.into_iter().collect(),
    }
}

/// Where each of the target's root directories can be looked into, each once.
pub(super) fn roots(processes: &[Process]) -> Vec<PathBuf> {
    let mut known = BTreeSet::new();
    let found = processes.iter().filter_map(|process| {
        let root = PathBuf::from(format!("/proc/{}/root", process.pid));
        let id = look(&root)?;
        known.insert(id).then_some(root)
    });
    let found: Vec<PathBuf> = found.collect();
    if found.is_empty() {
        vec![PathBuf::from("/proc/self/root")]
    } else {
        found
    }
}

pub(super) fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// What a path leads to, if to anything.
pub(crate) fn look(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|found| id_of(&found))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernel has 12 bits for the one and 20 for the other"
)]
pub(crate) fn id_of(found: &Metadata) -> FileId {
    FileId {
        major: major(found.dev()) as u32,
        minor: minor(found.dev()) as u32,
        inode: found.ino(),
    }
}

/// The roots of what is mounted below a directory: the way up from a file ends there.
fn mounts_below(root: &Path, directory: &str) -> Vec<FileId> {
    let pid = root.parent().and_then(Path::file_name);
    let pid = pid.and_then(|name| name.to_string_lossy().parse().ok());
    let process = pid.map_or_else(Proc::myself, Proc::new);
    let mounts = process.and_then(|process| process.mountinfo());
    let below = mounts.iter().flatten().filter(|mount| {
        let point = mount.mount_point.to_string_lossy();
        point.starts_with(directory)
    });
    below
        .filter_map(|mount| look(&inside(root, &mount.mount_point.to_string_lossy())))
        .collect()
}

/// Adds the files below `directory` that fit the pattern.
fn add_matches(filter: &PathFilter, root: &Path, directory: &str, found: &mut BTreeSet<FileId>) {
    // What cannot be read is no file for the target either, or vanishes just now.
    let entries = fs::read_dir(inside(root, directory)).into_iter().flatten();
    for entry in entries.flatten() {
        if found.len() >= MOST {
            return;
        }
        let path = format!("{directory}{}", entry.file_name().to_string_lossy());
        if filter.matches(&path) {
            found.extend(look(&entry.path()));
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            add_matches(filter, root, &format!("{path}/"), found);
        }
    }
}
