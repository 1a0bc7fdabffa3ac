//! Reading processes as the planner sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use injector_core::plan::{Hierarchy, Process, ProtectedReason};
use procfs::process::{Process as Proc, all_processes};
use procfs::{ProcError, ProcResult};

use super::hierarchy::cgroup_of;
use super::scan;
use crate::safety::Protection;

/// What the kernel shows for users that it cannot show.
const NOBODY: u32 = 65_534;

fn page_kib() -> u64 {
    procfs::page_size() / 1024
}

/// One process; none if it has vanished.
pub(super) fn read(pid: i32, protection: &Protection) -> ProcResult<Option<Process>> {
    vanished_is_none(Proc::new(pid).and_then(|process| describe(&process, protection)))
}

/// All processes of the host.
pub(super) fn read_all(protection: &Protection) -> ProcResult<Vec<Process>> {
    let mut found = Vec::new();
    for process in all_processes()? {
        let process = process.and_then(|process| describe(&process, protection));
        found.extend(vanished_is_none(process)?);
    }
    Ok(found)
}

/// The numbers of all processes. None of them is opened, which is most of what listing costs.
pub(crate) fn pids() -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        found.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    Ok(found)
}

/// Every process of the host by its network namespace; none if that cannot be told of one of them,
/// for then nothing can be said about who is alone in a namespace.
pub(super) fn namespaces() -> ProcResult<Option<BTreeMap<u64, Vec<i32>>>> {
    let mut found: BTreeMap<u64, Vec<i32>> = BTreeMap::new();
    let mut hidden = Vec::new();
    for pid in pids()? {
        match vanished_is_none(netns(pid)) {
            Ok(Some(inode)) => found.entry(inode).or_default().push(pid),
            Ok(None) => {}
            Err(_denied) => hidden.push(pid),
        }
    }
    for pid in hidden {
        match vanished_is_none(mark(pid)) {
            Ok(Some(its)) => {
                let same = |pid: &i32| mark(*pid).is_ok_and(|other| other == its);
                // If nobody has its mark, it is in none of the namespaces found.
                let mut all = found.values_mut();
                if let Some(members) = all.find(|members| members.iter().any(same)) {
                    members.push(pid);
                }
            }
            Ok(None) => {}
            Err(_denied) => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// A process and all that it and its children have started, as far as they still run.
pub(super) fn with_descendants(pid: i32) -> ProcResult<BTreeSet<i32>> {
    let mut found = BTreeSet::from([pid]);
    let mut unread = vec![pid];
    while let Some(pid) = unread.pop() {
        let children = vanished_is_none(children(pid))?.unwrap_or_default();
        unread.extend(children.into_iter().filter(|&child| found.insert(child)));
    }
    Ok(found)
}

fn children(pid: i32) -> ProcResult<Vec<i32>> {
    let mut found = Vec::new();
    for task in Proc::new(pid)?.tasks()? {
        // Children belong to the thread that forked them.
        match task.and_then(|task| task.children()) {
            Ok(children) => found.extend(children.into_iter().map(u32::cast_signed)),
            Err(ProcError::NotFound(_)) if has_children_files() => {}
            Err(ProcError::NotFound(_)) => return children_by_parent(pid),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Whether this kernel lists children at all (`CONFIG_PROC_CHILDREN`).
fn has_children_files() -> bool {
    fs::exists("/proc/thread-self/children").unwrap_or(false)
}

fn children_by_parent(parent: i32) -> ProcResult<Vec<i32>> {
    let mut found = Vec::new();
    for process in all_processes()? {
        let stat = vanished_is_none(process.and_then(|process| process.stat()))?;
        found.extend(stat.filter(|stat| stat.ppid == parent).map(|stat| stat.pid));
    }
    Ok(found)
}

fn describe(process: &Proc, protection: &Protection) -> ProcResult<Process> {
    let stat = process.stat()?;
    let protected = protection.reason(process, &stat).map(ProtectedReason);
    let netns = match netns(stat.pid) {
        // Not ours to see. If it is not ours either: no namespace has the number 0.
        Err(ProcError::PermissionDenied(_)) => ours_if_marked(stat.pid).unwrap_or(0),
        netns => netns?,
    };
    Ok(Process {
        pid: stat.pid,
        ppid: stat.ppid,
        start_time: stat.starttime,
        comm: stat.comm,
        exe: scan::exe(stat.pid),
        uid: scan::uid(stat.pid).unwrap_or(NOBODY),
        memory_kib: stat.rss.saturating_mul(page_kib()),
        cpu_ticks: stat.utime.saturating_add(stat.stime),
        cgroup_v2: cgroup_of(process, &Hierarchy::V2)?,
        freezer_v1: cgroup_of(process, &Hierarchy::V1Freezer)?,
        netns,
        protected,
    })
}

/// The cgroups that these processes are in, each once; those that have ended are in none.
pub(super) fn cgroups_in(
    processes: &[Process],
    hierarchy: &Hierarchy,
) -> ProcResult<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for process in processes {
        let cgroup = Proc::new(process.pid).and_then(|process| cgroup_of(&process, hierarchy));
        match cgroup {
            Ok(path) => found.extend(path),
            Err(ProcError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The inode of the network namespace that a process is in, as far as it can be told.
pub(crate) fn netns_of(pid: i32) -> Option<u64> {
    match netns(pid) {
        Err(ProcError::PermissionDenied(_)) => ours_if_marked(pid),
        netns => netns.ok(),
    }
}

fn netns(pid: i32) -> ProcResult<u64> {
    Ok(fs::metadata(format!("/proc/{pid}/ns/net"))?.ino())
}

fn ours_if_marked(pid: i32) -> Option<u64> {
    let ours = fs::metadata("/proc/self/net/dev").ok()?.ino();
    let marked = mark(pid).is_ok_and(|mark| mark == ours);
    let namespace = fs::metadata("/proc/self/ns/net").ok()?.ino();
    marked.then_some(namespace)
}

/// A number that processes share exactly if they share a network namespace. Unlike the namespace
/// itself it can be seen of any process, such as a first process with more rights than ours.
fn mark(pid: i32) -> ProcResult<u64> {
    Ok(fs::metadata(format!("/proc/{pid}/net/dev"))?.ino())
}

/// A process may vanish at any moment, also between opening a file of it and reading it.
fn vanished_is_none<T>(read: ProcResult<T>) -> ProcResult<Option<T>> {
    const ESRCH: i32 = 3;
    match read {
        Ok(value) => Ok(Some(value)),
        Err(ProcError::NotFound(_)) => Ok(None),
        Err(ProcError::Io(error, _)) if error.raw_os_error() == Some(ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::{namespaces, read, with_descendants};
    use crate::safety::Protection;

    fn me() -> i32 {
        i32::try_from(std::process::id()).unwrap()
    }

    /// Waits for its input to be closed.
    fn cat() -> Child {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().unwrap()
    }

    #[test]
    fn a_process_is_read_as_it_is() {
        let process = read(me(), &Protection::of([])).unwrap().unwrap();
        let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap();
        assert_eq!((process.pid, process.ppid), (me(), parent));
        assert!(process.start_time > 0 && process.netns > 0);
        assert_eq!(process.protected, None);
        let members = namespaces().unwrap().unwrap();
        assert!(members[&process.netns].contains(&me()));
    }

    #[test]
    fn children_of_every_thread_are_descendants() {
        let mut here = cat();
        let mut there = std::thread::scope(|scope| scope.spawn(cat).join().unwrap());
        let pids = [&here, &there].map(|child| i32::try_from(child.id()).unwrap());
        let found = with_descendants(me()).unwrap();
        assert!(found.contains(&me()) && pids.iter().all(|pid| found.contains(pid)));
        for child in [&mut here, &mut there] {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }

    #[test]
    fn a_process_that_has_vanished_is_none() {
        assert_eq!(read(i32::MAX, &Protection::of([])).unwrap(), None);
        assert_eq!(with_descendants(i32::MAX).unwrap(), [i32::MAX].into());
    }
}
