//! Which files a call is about, decided by what they are and not by what they are called.
//!
//! The caller waits, so its descriptors and working directory stay as they are; another thread may
//! change the path in its memory meanwhile, which a chaos experiment can live with.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use injector_core::fault::syscall::Syscall;
use injector_core::plan::Files;

use super::call::Call;
use super::concern::descriptor;
use super::memory;
use crate::target::file_id;

/// As long as a path may be, with its end.
const LONGEST: usize = 4096;

/// `AT_FDCWD`.
const WORKING_DIRECTORY: i32 = -100;

/// Whether one of the files of the call is one of these, or below one.
pub(super) fn are_meant(call: &Call, syscall: Syscall, meant: &Files) -> bool {
    let by_descriptor = syscall.fds().filter_map(|at| {
        let link = format!("/proc/{}/fd/{}", call.thread, descriptor(call, at));
        let shown = fs::read_link(&link).ok()?;
        Some((PathBuf::from(link), seen_from(call.thread, &shown)))
    });
    let by_path = syscall.paths().filter_map(|at| {
        let path = named(call, syscall, at)?;
        Some((path.clone(), path))
    });
    let mut all = by_descriptor.chain(by_path);
    all.any(|(file, place)| is_meant(&file, &place, meant))
}

/// Whether the file is one of those meant, or its place is below one of the directories.
fn is_meant(file: &Path, place: &Path, meant: &Files) -> bool {
    let is = |path: &Path, all: &[injector_core::plan::FileId]| {
        !all.is_empty() && file_id(path).is_some_and(|id| all.contains(&id))
    };
    if is(file, &meant.files) || is(file, &meant.directories) {
        return true;
    }
    let mut above = place.ancestors().skip(1);
    !meant.directories.is_empty() && above.any(|path| is(path, &meant.directories))
}

/// The path in argument `at` of the call, as it can be looked at from here.
pub(super) fn named(call: &Call, syscall: Syscall, at: usize) -> Option<PathBuf> {
    let text = memory::text(call.thread, call.argument(at), LONGEST)?;
    let text = Path::new(OsStr::from_bytes(&text)).to_owned();
    if text.is_absolute() {
        return Some(seen_from(call.thread, &text));
    }
    let directory = syscall.directory_of(at).map(|at| descriptor(call, at));
    let link = match directory {
        None | Some(WORKING_DIRECTORY) => format!("/proc/{}/cwd", call.thread),
        Some(fd) => format!("/proc/{}/fd/{fd}", call.thread),
    };
    let start = fs::read_link(link).ok()?;
    Some(seen_from(call.thread, &start.join(text)))
}

/// The file of this path in the root directory of a thread, with symbolic links followed as far as
/// there is something.
fn seen_from(thread: i32, path: &Path) -> PathBuf {
    let mut seen = PathBuf::from(format!("/proc/{thread}/root"));
    for component in path.components() {
        match component {
            Component::Normal(name) => seen.push(name),
            Component::ParentDir => {
                // Of what it is by now, not of what it is called.
                seen = fs::canonicalize(&seen).unwrap_or(seen);
                seen.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    // A file that is to be made has a directory.
    match (fs::canonicalize(&seen), seen.parent(), seen.file_name()) {
        (Ok(found), ..) => found,
        (Err(_), Some(parent), Some(name)) => fs::canonicalize(parent)
            .map_or_else(|_nowhere| seen.clone(), |parent| parent.join(name)),
        (Err(_), ..) => seen,
    }
}
