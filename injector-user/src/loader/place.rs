//! Interfaces and cgroups as the plan names them: opened, entered, and made sure to be still the same.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use injector_core::plan::{Hierarchy, Hook, Site};
use nix::errno::Errno;

use super::hooks::HookError;
use super::program::{Link, Program};
use super::spares::{ETHERNET, Instance};
use crate::sys::netns;
use crate::target;

/// Bytes before the IP header of packets at a place.
pub(super) fn link_header(hook: &Hook) -> Result<u32, HookError> {
    let Hook::Tcx {
        netns,
        netns_inode,
        ifindex,
        ..
    } = hook
    else {
        return Ok(0);
    };
    let namespace = open_namespace(netns, *netns_inode)?;
    let has = within(&namespace, netns, || target::has_link_header(*ifindex))?;
    Ok(if has { ETHERNET } else { 0 })
}

/// Attaches the programs of a place, which must be the one that was planned for.
pub(super) fn links_of(
    hook: &Hook,
    programs: &[(Instance, Program)],
) -> Result<Vec<Link>, HookError> {
    match hook {
        Hook::Cgroup { path, id, .. } | Hook::Sockets { path, id } => {
            let cgroup = open_cgroup(path, *id)?;
            let attach = |(_instance, program): &(Instance, Program)| {
                program
                    .attach_to_cgroup(cgroup.as_fd(), path)
                    .map_err(HookError::from)
            };
            programs.iter().map(attach).collect()
        }
        Hook::Function { function, .. } => {
            let attach = |(_instance, program): &(Instance, Program)| {
                program
                    .attach_to_function(function)
                    .map_err(HookError::from)
            };
            programs.iter().map(attach).collect()
        }
        Hook::Instructions {
            site, processes, ..
        } => {
            let each = programs.iter().flat_map(|(_instance, program)| {
                let link = move |process: &i32| link_for(site, program, *process);
                processes.iter().map(link)
            });
            each.filter_map(Result::transpose).collect()
        }
        Hook::Exit { sleeps: true, .. } => {
            let attach = |(_instance, program): &(Instance, Program)| {
                program
                    .attach_to_function("sys_exit")
                    .map_err(HookError::from)
            };
            programs.iter().map(attach).collect()
        }
        Hook::Exit { .. } => {
            let attach = |(_instance, program): &(Instance, Program)| {
                program
                    .attach_to_tracepoint(c"sys_exit")
                    .map_err(HookError::from)
            };
            programs.iter().map(attach).collect()
        }
        // Interfaces have a way of their own, and the others no programs.
        Hook::Tcx { .. }
        | Hook::Setting { .. }
        | Hook::Freezer { .. }
        | Hook::Members { .. }
        | Hook::Family { .. }
        | Hook::Filter { .. }
        | Hook::Workers { .. } => Ok(Vec::new()),
    }
}

/// Attaches at instructions for one process; none if it has ended, or runs something else by now.
pub(super) fn link_for(
    site: &Site,
    program: &Program,
    process: i32,
) -> Result<Option<Link>, HookError> {
    if site.offsets.is_empty() {
        return Ok(None);
    }
    let path = format!("/proc/{process}/root{}", site.path);
    let Ok(file) = File::open(&path) else {
        return Ok(None);
    };
    let found = file.metadata().map_err(|source| HookError::Open {
        path: path.clone(),
        source,
    })?;
    if (found.dev(), found.ino()) != (site.device, site.inode) {
        return Ok(None);
    }
    match program.attach_to_instructions(file.as_fd(), &site.offsets, process) {
        Err(error) if error.source.raw_os_error() == Some(Errno::ESRCH as i32) => Ok(None),
        attached => Ok(Some(attached?)),
    }
}

/// Opens a cgroup and makes sure that it is the one that was planned for; 0 stands for any.
fn open_cgroup(path: &str, id: u64) -> Result<File, HookError> {
    let cgroup = open(&v2_folder(path)?)?;
    let found = cgroup.metadata().map_err(|source| HookError::Open {
        path: path.to_owned(),
        source,
    })?;
    if id == 0 || found.ino() == id {
        Ok(cgroup)
    } else {
        Err(HookError::Replaced(path.to_owned()))
    }
}

fn v2_folder(path: &str) -> Result<PathBuf, HookError> {
    target::folder(&Hierarchy::V2, path).ok_or_else(|| HookError::NoCgroup(path.to_owned()))
}

/// Opens a namespace and makes sure that it is the one that was planned for.
pub fn open_namespace(path: &str, inode: u64) -> Result<File, HookError> {
    let namespace = open(Path::new(path))?;
    let found = namespace.metadata().map_err(|source| HookError::Open {
        path: path.to_owned(),
        source,
    })?;
    if found.ino() == inode {
        Ok(namespace)
    } else {
        Err(HookError::Changed(path.to_owned()))
    }
}

/// Does `work` in a namespace that `path` leads to.
pub(super) fn within<T: Send>(
    namespace: &File,
    path: &str,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> Result<T, HookError> {
    let namespace: BorrowedFd<'_> = namespace.as_fd();
    netns::within(namespace, work)
        .flatten()
        .map_err(|source| HookError::Enter {
            path: path.to_owned(),
            source,
        })
}

fn open(path: &Path) -> Result<File, HookError> {
    File::open(path).map_err(|source| HookError::Open {
        path: path.display().to_string(),
        source,
    })
}
