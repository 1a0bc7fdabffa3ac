//! What the files of cgroups say: of version 2, or of version 1 where that has the same path.

use std::collections::{BTreeMap, BTreeSet};
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
        add_quota(usage, &stat);
    }
}

/// Of version 2 in microseconds, of version 1 in nanoseconds.
fn add_quota(usage: &mut Usage, stat: &BTreeMap<String, u64>) {
    let of = |name: &str| stat.get(name).copied();
    usage.cpu_periods += of("nr_periods").unwrap_or_default();
    usage.cpu_throttled_periods += of("nr_throttled").unwrap_or_default();
    let throttled_ns = of("throttled_usec").map(|us| us.saturating_mul(1_000));
    let throttled_ns = throttled_ns.or(of("throttled_time"));
    usage.cpu_throttled_ns += throttled_ns.unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::super::words::numbers;
    use super::{Usage, add_quota};

    fn check(text: &str, expected: (u64, u64, u64)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cpu.stat");
        std::fs::write(&file, text).unwrap();
        let mut usage = Usage::default();
        add_quota(&mut usage, &numbers(&file));
        let counted = (
            usage.cpu_periods,
            usage.cpu_throttled_periods,
            usage.cpu_throttled_ns,
        );
        assert_eq!(counted, expected);
    }

    #[test]
    fn time_is_read_in_the_unit_of_each_version() {
        let v2 = "usage_usec 9\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\n";
        check(v2, (5, 2, 7_000));
        check(
            "nr_periods 5\nnr_throttled 2\nthrottled_time 7001\n",
            (5, 2, 7_001),
        );
        // No quota can be set here.
        check("usage_usec 9\n", (0, 0, 0));
    }
}
