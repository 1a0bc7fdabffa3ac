//! What the files of cgroups say: of version 2, or of version 1 where that has the same path.

use std::collections::BTreeSet;
use std::path::PathBuf;

use injector_core::plan::{CgroupId, Hierarchy};

use super::look::Usage;
use super::pressure::{self, RESOURCES};
use super::words::{number, numbers};
use crate::target::{Mounts, members};

/// Adds what there is of one cgroup.
pub(super) fn add(usage: &mut Usage, mounts: &Mounts, cgroup: &CgroupId) {
    let v2 = mounts.folder(&Hierarchy::V2, &cgroup.path);
    if let Some(folder) = &v2 {
        usage.processes += count(members(folder).ok());
        for resource in RESOURCES {
            let file = folder.join(format!("{resource}.pressure"));
            pressure::add(&mut usage.pressures, resource, &file);
        }
    }
    match v2.filter(|folder| folder.join("memory.current").exists()) {
        Some(folder) => add_memory(usage, &folder),
        None => add_memory_of_v1(usage, v1(mounts, "memory", &cgroup.path)),
    }
    let cpu = mounts.folder(&Hierarchy::V2, &cgroup.path);
    let cpu = cpu.filter(|folder| folder.join("cpu.max").exists());
    if let Some(folder) = cpu.or_else(|| v1(mounts, "cpu", &cgroup.path)) {
        let stat = numbers(&folder.join("cpu.stat"));
        let of = |name: &str| stat.get(name).copied().unwrap_or_default();
        usage.cpu_periods += of("nr_periods");
        usage.cpu_throttled_periods += of("nr_throttled");
    }
}

fn add_memory(usage: &mut Usage, folder: &std::path::Path) {
    usage.memory_bytes += number(&folder.join("memory.current")).unwrap_or_default();
    for (event, count) in numbers(&folder.join("memory.events")) {
        *usage.memory_events.entry(event).or_default() += count;
    }
    let stat = numbers(&folder.join("memory.stat"));
    usage.major_faults += stat.get("pgmajfault").copied().unwrap_or_default();
}

fn add_memory_of_v1(usage: &mut Usage, folder: Option<PathBuf>) {
    let Some(folder) = folder else {
        return;
    };
    usage.memory_bytes += number(&folder.join("memory.usage_in_bytes")).unwrap_or_default();
    let control = numbers(&folder.join("memory.oom_control"));
    let killed = control.get("oom_kill").copied().unwrap_or_default();
    *usage
        .memory_events
        .entry("oom_kill".to_owned())
        .or_default() += killed;
    let stat = numbers(&folder.join("memory.stat"));
    usage.major_faults += stat.get("total_pgmajfault").copied().unwrap_or_default();
}

fn v1(mounts: &Mounts, controller: &str, path: &str) -> Option<PathBuf> {
    let mut all = mounts
        .iter()
        .filter(|mount| mount.hierarchy.is_v1_of(controller));
    let folder = all.find_map(|mount| mount.folder(path))?;
    folder.exists().then_some(folder)
}

fn count(members: Option<BTreeSet<i32>>) -> u64 {
    members.map_or(0, |members| members.len() as u64)
}
