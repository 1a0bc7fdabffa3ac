//! The disk that holds what a path means: a whole one, by the kernel's number of it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use injector_core::fault::Action;
use injector_core::fault::limit::{Limit, Of};
use injector_core::plan::{Disk, Process};
use nix::sys::stat::{major, minor};
use procfs::process::Process as Proc;

use super::files::{inside, roots};

/// The disk that a fault names by a path, for each of the target's root directories.
pub fn disks_of(action: &Action, processes: &[Process]) -> Vec<Result<Disk, String>> {
    let Action::Limit(Limit {
        of: Of::Disk(asked),
        ..
    }) = action
    else {
        return Vec::new();
    };
    let roots = roots(processes).into_iter();
    roots
        .map(|root| disk_at(&inside(&root, &asked.path)))
        .collect()
}

fn disk_at(path: &Path) -> Result<Disk, String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    let (major, minor) = (major(found.dev()), minor(found.dev()));
    // File systems without a device of their own have numbers that mean nothing else (`get_anon_bdev`).
    if major == 0 {
        let name = file_system(&format!("{major}:{minor}"));
        let name = name.map_or_else(String::new, |name| format!(" ({name})"));
        return Err(format!(
            "its file system{name} is not on a disk that the kernel tells, as those of memory, of the \
             network and of several layers or disks are not"
        ));
    }
    whole_disk(&format!("{major}:{minor}"))
        .map_err(|error| format!("the disk {major}:{minor} is unknown: {error}"))
}

/// What the kernel calls the type of the file system with this number, if it is mounted as a whole.
fn file_system(number: &str) -> Option<String> {
    let mounts = Proc::myself()
        .and_then(|process| process.mountinfo())
        .ok()?;
    let mut mounts = mounts.into_iter();
    mounts
        .find(|mount| mount.majmin == number)
        .map(|mount| mount.fs_type)
}

/// The disk that this block device is, or is a partition of.
pub fn whole_disk(number: &str) -> io::Result<Disk> {
    let device = fs::canonicalize(format!("/sys/dev/block/{number}"))?;
    let whole = match device.parent() {
        Some(parent) if device.join("partition").exists() => parent,
        _no_partition => &device,
    };
    let name = whole.file_name().unwrap_or_default();
    Ok(Disk {
        number: fs::read_to_string(whole.join("dev"))?.trim_end().to_owned(),
        name: name.to_string_lossy().into_owned(),
    })
}
