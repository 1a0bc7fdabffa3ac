//! Folders as a target sees them.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use injector_core::plan::Task;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;

use super::fault::PressureError;

/// The folder that a task names, if it does.
pub(super) fn of_task(task: &Task) -> Result<Option<OwnedFd>, PressureError> {
    let (path, seen_by) = match task {
        Task::Cpu { .. } | Task::Memory { .. } => return Ok(None),
        Task::Disk { path, seen_by, .. } | Task::Fill { path, seen_by, .. } => (path, *seen_by),
    };
    let opened = open(path, seen_by).map_err(|source| PressureError::Folder {
        path: PathBuf::from(path),
        source,
    });
    opened.map(Some)
}

/// Opens it in the root of a process, or ours. Links lead nowhere outside of that root, whatever the
/// target has put there.
pub(crate) fn open(path: &str, seen_by: Option<i32>) -> io::Result<OwnedFd> {
    let root = match seen_by {
        Some(pid) => File::open(format!("/proc/{pid}/root"))?,
        None => File::open("/")?,
    };
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let how = OpenHow::new()
        .flags(flags)
        .mode(Mode::empty())
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    loop {
        match openat2(&root, path, how) {
            // Something was renamed or mounted meanwhile.
            Err(Errno::EAGAIN) => {}
            opened => return opened.map_err(io::Error::from),
        }
    }
}
