//! Keeping up with a target after it was planned: who belongs to it now, and whether it is still there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use injector_core::plan::{Hierarchy, Hook, Plan, Who};
use injector_core::target::Selector;
use nix::net::if_::if_indextoname;
use procfs::process::Process;

use super::hierarchy::{Mounts, cgroup_of};
use super::{cgroups, process};
use crate::safety::{Protection, is_kernel_thread};
use crate::sys::netns;

/// The processes and all they have started that still lives.
pub fn with_descendants(pids: &[i32]) -> Vec<i32> {
    // One that cannot be read has vanished.
    let found = pids
        .iter()
        .filter_map(|pid| process::with_descendants(*pid).ok());
    found.flatten().collect()
}

/// Whether a process, not merely a thread, of this number lives.
pub fn is_thread_group(pid: u32) -> bool {
    let status = i32::try_from(pid)
        .ok()
        .and_then(|pid| Process::new(pid).ok()?.status().ok());
    status.is_some_and(|status| status.tgid == status.pid)
}

/// Whether `pid` is one of `ancestors` or was started by one of them.
pub fn descends_from(pid: i32, ancestors: &BTreeSet<i32>) -> bool {
    let line = std::iter::successors(Some(pid), |pid| parent_of(*pid));
    line.take(MAX_DEPTH).any(|pid| ancestors.contains(&pid))
}

/// Deeper than any line of processes; a cycle is impossible while pids are not reused.
const MAX_DEPTH: usize = 4096;

/// The parent of a process that lives.
pub fn parent_of(pid: i32) -> Option<i32> {
    let parent = Process::new(pid).ok()?.stat().ok()?.ppid;
    (parent > 0).then_some(parent)
}

/// Who is in the cgroup now, in whichever hierarchy has it.
pub fn members_anywhere(path: &str) -> Vec<i32> {
    let found = Mounts::read()
        .ok()
        .and_then(|mounts| cgroups::everywhere(&mounts, path).ok());
    let members: BTreeSet<i32> = found
        .into_iter()
        .flatten()
        .flat_map(|cgroup| cgroup.members)
        .collect();
    members.into_iter().collect()
}

/// Whether there is nothing left that could suffer. An empty cgroup can be filled again.
pub fn is_gone(selector: &Selector, plan: &Plan) -> bool {
    match selector {
        Selector::Pid(_) => plan.who.iter().all(who_is_gone),
        Selector::Cgroup(_)
        | Selector::Command(_)
        | Selector::Netns(_)
        | Selector::Iface { .. } => plan.hooks.iter().all(|hook| hook_is_gone(hook, plan)),
        // They may come back: whoever follows them decides. The host stays.
        Selector::Host
        | Selector::Container(_)
        | Selector::Unit(_)
        | Selector::Comm(_)
        | Selector::Exe(_)
        | Selector::User(_) => false,
    }
}

fn who_is_gone(who: &Who) -> bool {
    match who {
        Who::Process { pid, .. } => Process::new(*pid).is_err(),
        Who::Interface { .. } => false,
    }
}

fn hook_is_gone(hook: &Hook, plan: &Plan) -> bool {
    match hook {
        // Functions stay; their callers may go.
        Hook::Function { .. } | Hook::Exit { .. } | Hook::Instructions { .. } => {
            match &plan.select.cgroup {
                Some(cgroup) => cgroup_is_gone(&Hierarchy::V2, &cgroup.path),
                None => plan.who.iter().all(who_is_gone),
            }
        }
        Hook::Tcx {
            netns,
            netns_inode,
            ifindex,
            ..
        } => interface_is_gone(Path::new(netns), *netns_inode, *ifindex),
        Hook::Cgroup { path, .. } | Hook::Sockets { path, .. } | Hook::Filter { path, .. } => {
            cgroup_is_gone(&Hierarchy::V2, path)
        }
        Hook::Family { pid, .. } => Process::new(*pid).is_err(),
        Hook::Workers { place, .. } => {
            let place = place.as_ref();
            place.is_some_and(|place| cgroup_is_gone(&place.hierarchy, &place.path))
        }
        Hook::Freezer {
            hierarchy, path, ..
        }
        | Hook::Setting {
            hierarchy, path, ..
        }
        | Hook::Members { hierarchy, path } => cgroup_is_gone(hierarchy, path),
    }
}

fn cgroup_is_gone(hierarchy: &Hierarchy, path: &str) -> bool {
    folder(hierarchy, path).is_none_or(|folder| !folder.exists())
}

fn interface_is_gone(namespace: &Path, inode: u64, ifindex: u32) -> bool {
    let Ok(opened) = fs::File::open(namespace) else {
        return true;
    };
    if opened.metadata().is_ok_and(|found| found.ino() != inode) {
        return true;
    }
    let named = netns::within(opened.as_fd(), || {
        if_indextoname(ifindex).map_err(io::Error::from)
    });
    match named.flatten() {
        // nix takes the null pointer of `if_indextoname` for a success, and leaves the name empty.
        Ok(name) => name.is_empty(),
        // Any other error says nothing about the interface.
        Err(error) => error.raw_os_error() == Some(libc::ENXIO),
    }
}

/// The mounted folder of a cgroup.
pub fn folder(hierarchy: &Hierarchy, path: &str) -> Option<PathBuf> {
    Mounts::read().ok()?.get(hierarchy)?.folder(path)
}

/// The folder of the cgroup of version 2 that a process is in.
pub fn v2_folder_of(pid: i32) -> Option<PathBuf> {
    let path = cgroup_of(&Process::new(pid).ok()?, &Hierarchy::V2).ok()??;
    folder(&Hierarchy::V2, &path)
}

/// The path, as in `/proc/PID/cgroup`, of a mounted folder of version 2.
pub fn v2_path(folder: &Path) -> Option<String> {
    let mounts = Mounts::read().ok()?;
    let mount = mounts.get(&Hierarchy::V2)?;
    let inside = folder.strip_prefix(&mount.point).ok()?;
    Some(
        Path::new(&mount.root)
            .join(inside)
            .to_string_lossy()
            .into_owned(),
    )
}

/// Whether `inode` is the network namespace that this process is in.
pub fn is_own_namespace(inode: u64) -> bool {
    fs::metadata("/proc/self/ns/net").is_ok_and(|own| own.ino() == inode)
}

/// Every protected process on this host but the kernel's own threads, which have no sockets.
pub fn protected(protection: &Protection) -> Vec<i32> {
    let all = procfs::process::all_processes()
        .into_iter()
        .flatten()
        .flatten();
    all.filter(|process| {
        process.stat().is_ok_and(|stat| {
            !is_kernel_thread(stat.flags) && protection.reason(process, &stat).is_some()
        })
    })
    .map(|process| process.pid)
    .collect()
}
