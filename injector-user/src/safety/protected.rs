//! Processes that are never targets: without them nobody could get into the host to stop a fault.

use std::collections::BTreeMap;
use std::path::Path;

use procfs::process::{Process, Stat};

/// `PF_KTHREAD` of `include/linux/sched.h`.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// Names of programs and the reason why they are protected. A name also stands for what begins with
/// it, if it ends with `-`.
const PROGRAMS: &[(&str, &str)] = &[
    ("sshd", "it lets people into this host"),
    ("sshd-", "it lets people into this host"),
    ("systemd", "it is a part of systemd"),
    ("systemd-", "it is a part of systemd"),
    ("(sd-pam)", "it is a part of systemd"),
    ("dbus", "it is a part of the system's message bus"),
    ("dbus-", "it is a part of the system's message bus"),
    ("kubelet", "it is this Kubernetes node's agent"),
    ("containerd", "it is a container runtime"),
    ("containerd-", "it is a container runtime"),
    ("dockerd", "it is a container runtime"),
    ("crio", "it is a container runtime"),
    ("conmon", "it is a container runtime"),
    ("etcd", "it is a part of the Kubernetes control plane"),
    ("kube-", "it is a part of Kubernetes"),
];

/// Tells which processes are protected, and why.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    by_pid: BTreeMap<i32, String>,
}

impl Protection {
    /// Protects the processes `own` (the engine, its keeper, the client that asked) and their parents
    /// up to the first process.
    pub fn of(own: impl IntoIterator<Item = i32>) -> Self {
        let mut by_pid = BTreeMap::new();
        for pid in own {
            let mut above = pid;
            while let Some(stat) = stat(above) {
                let reason = if above == pid {
                    "it is a part of Temblor".to_owned()
                } else {
                    format!("process {pid} of Temblor runs below it")
                };
                by_pid.entry(above).or_insert(reason);
                // A cycle is impossible while pids are not reused, and pids are reused.
                if by_pid.contains_key(&stat.ppid) || stat.ppid == 0 {
                    break;
                }
                above = stat.ppid;
            }
        }
        Self { by_pid }
    }

    /// Why the running process `pid` is protected, if it is; one that has vanished is not.
    pub fn look_up(&self, pid: i32) -> Option<String> {
        let process = Process::new(pid).ok()?;
        let stat = process.stat().ok()?;
        self.reason(&process, &stat)
    }

    /// Those of `pids` that are protected and make calls, which kernel threads do not.
    pub fn among(&self, pids: impl IntoIterator<Item = i32>) -> Vec<Guarded> {
        let guarded = |pid: i32| {
            let process = Process::new(pid).ok()?;
            let stat = process.stat().ok()?;
            if is_kernel_thread(stat.flags) {
                return None;
            }
            self.reason(&process, &stat)?;
            Some(Guarded::of(stat))
        };
        pids.into_iter().filter_map(guarded).collect()
    }

    /// As [`Protection::look_up`], for a process already read.
    pub fn reason(&self, process: &Process, stat: &Stat) -> Option<String> {
        if let Some(reason) = by_number(stat.pid, stat.flags) {
            return Some(reason.to_owned());
        }
        if let Some(reason) = self.by_pid.get(&stat.pid) {
            return Some(reason.clone());
        }
        let program = process.exe().ok();
        let program = program.as_deref().and_then(Path::file_name);
        let program = program.map(|name| name.to_string_lossy());
        by_name(&stat.comm)
            .or_else(|| by_name(program.as_deref()?))
            .map(str::to_owned)
    }
}

/// A protected process, as it was when it was found to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarded {
    pub pid: i32,
    /// In clock ticks after boot; with the pid it is unique.
    start_time: u64,
    comm: String,
}

impl Guarded {
    fn of(stat: Stat) -> Self {
        Self {
            pid: stat.pid,
            start_time: stat.starttime,
            comm: stat.comm,
        }
    }

    /// Whether it is there, and runs what it ran.
    pub fn is_the_same(&self) -> bool {
        stat(self.pid).is_some_and(|stat| Self::of(stat) == *self)
    }
}

/// Names of what a container runtime leaves in a container's cgroup until the container's own program
/// takes its place; one that ends in a bracket stands for what begins with it. (runc and youki name
/// their stages, as `runc:[2:INIT]`.)
const STARTING: [&str; 5] = ["runc", "runc:[", "crun", "youki", "youki:["];

/// Whether a process of this name is a runtime's that starts a container, and not the container's yet:
/// ending it would make the start fail, which nobody tries again.
pub(crate) fn starts_container(comm: &str) -> bool {
    STARTING
        .into_iter()
        .any(|name| name == comm || name.ends_with('[') && comm.starts_with(name))
}

fn stat(pid: i32) -> Option<Stat> {
    Process::new(pid).and_then(|process| process.stat()).ok()
}

/// By the `flags` of its `stat`.
pub(crate) fn is_kernel_thread(flags: u32) -> bool {
    flags & KERNEL_THREAD != 0
}

fn by_number(pid: i32, flags: u32) -> Option<&'static str> {
    match pid {
        1 => Some("it is the first process of the system"),
        _ if is_kernel_thread(flags) => Some("it is a kernel thread"),
        _ => None,
    }
}

fn by_name(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    let found = PROGRAMS
        .iter()
        .find(|(program, _)| match program.strip_suffix('-') {
            Some(_) => name.starts_with(program),
            None => name == *program,
        });
    found.map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::{Protection, by_name, by_number, starts_container};

    #[test]
    fn programs_that_let_people_in_are_protected_by_name() {
        let protected = [
            "sshd",
            "sshd-session",
            "systemd",
            "systemd-journal",
            "dbus-daemon",
            "containerd",
            "containerd-shim",
            "containerd-shim-runc-v2",
            "kubelet",
            "kube-apiserver",
            "kube-proxy",
            "etcd",
            "dockerd",
            "crio",
            "sshd (deleted)",
        ];
        for name in protected {
            assert!(by_name(name).is_some(), "{name}");
        }
        for name in [
            "redis-server",
            "sshdx",
            "ssh",
            "etcdctl",
            "system",
            "kubectl",
            "",
        ] {
            assert_eq!(by_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_runtime_in_a_container_is_told_by_its_name() {
        for comm in ["runc", "runc:[1:CHILD]", "runc:[2:INIT]", "crun"] {
            assert!(starts_container(comm), "{comm}");
        }
        for comm in ["runcat", "crunch", "sleep", ""] {
            assert!(!starts_container(comm), "{comm}");
        }
    }

    #[test]
    fn the_first_process_and_kernel_threads_are_protected() {
        assert!(by_number(1, 0).is_some());
        assert!(by_number(77, 0x0020_8040).is_some());
        assert_eq!(by_number(77, 0x0040_0000), None);
    }

    #[test]
    fn we_and_our_parents_are_protected() {
        let me = i32::try_from(std::process::id()).unwrap();
        let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap();
        let protection = Protection::of([me]);
        assert_eq!(
            protection.look_up(me).as_deref(),
            Some("it is a part of Temblor")
        );
        let expected = format!("process {me} of Temblor runs below it");
        assert_eq!(protection.look_up(parent), Some(expected));
        assert_eq!(Protection::of([]).look_up(me), None);
    }
}
