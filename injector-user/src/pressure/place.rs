//! Putting a crew where its target is.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use injector_core::plan::{Hierarchy, Place};
use procfs::process::Process;

use super::fault::PressureError;
use crate::safety::Permit;
use crate::safety::undo::{Cause, UndoLog};
use crate::target::command::CommandCgroup;
use crate::target::{Mount, Mounts, cgroup_of, members};

/// Where a crew is.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) folder: PathBuf,
    /// Somebody else is there, or has been.
    pub(super) had_company: bool,
}

/// Moves the process `pid` into the planned cgroup, and in every other hierarchy to where one of the
/// processes is that are in it: limits of processors and memory may be in several.
pub(super) fn enter(_permit: &Permit, place: &Place, pid: i32) -> Result<Seat, PressureError> {
    let replaced = || PressureError::Replaced {
        path: place.path.clone(),
    };
    let mounts = Mounts::read()?;
    let folder = mounts.folder(&place.hierarchy, &place.path);
    let folder = folder.ok_or_else(replaced)?;
    let same = fs::metadata(&folder).is_ok_and(|found| found.ino() == place.id);
    if !same {
        return Err(replaced());
    }
    let member = members(&folder).ok().and_then(|members| {
        let mut others = members.into_iter().filter(|member| *member != pid);
        others.find_map(|member| Process::new(member).ok())
    });
    for mount in mounts
        .iter()
        .filter(|mount| mount.hierarchy != place.hierarchy)
    {
        if let Some(other) = member.as_ref().and_then(|member| folder_of(member, mount)) {
            write(&other, pid)?;
        }
    }
    // Last: whoever is seen in there is where it belongs.
    write(&folder, pid)?;
    Ok(Seat {
        folder,
        had_company: member.is_some(),
    })
}

/// Makes a cgroup of its own for a crew, beside all others, and moves the process `pid` there; in
/// hierarchies of version 1 into the root.
pub(super) fn of_its_own(
    permit: &Permit,
    log: &UndoLog,
    pid: i32,
    cause: Cause,
) -> Result<CommandCgroup, PressureError> {
    let mounts = Mounts::read()?;
    let v2 = mounts.get(&Hierarchy::V2);
    let parent = v2.ok_or(PressureError::NoCgroups)?.point.clone();
    let name = format!("pressure-{pid}");
    let cgroup = CommandCgroup::make(permit, log, &parent, &name, cause)?;
    let entered = mounts
        .iter()
        .filter(|mount| mount.hierarchy != Hierarchy::V2)
        .try_for_each(|mount| write(&mount.point, pid))
        .and_then(|()| Ok(cgroup.enter(permit, pid)?));
    match entered {
        Ok(()) => Ok(cgroup),
        Err(error) => {
            // Nobody is in it. If it stays after all, the undo log has it.
            let _removed = cgroup.remove_if_empty();
            Err(error)
        }
    }
}

fn folder_of(member: &Process, mount: &Mount) -> Option<PathBuf> {
    let path = cgroup_of(member, &mount.hierarchy).ok()??;
    mount.folder(&path)
}

fn write(folder: &Path, pid: i32) -> Result<(), PressureError> {
    let written = fs::write(folder.join("cgroup.procs"), pid.to_string());
    written.map_err(|source| PressureError::Enter {
        path: folder.to_owned(),
        source,
    })
}
