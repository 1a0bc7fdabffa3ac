//! What a fault of pressure may use up on this host.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;

use injector_core::fault::Action;
use injector_core::fault::pressure::Pressure;
use injector_core::plan::{Cgroup, FileSystem, Hierarchy, Inventory, Memory, Supplies};
use nix::sys::stat::fstat;
use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use procfs::process::Process;
use procfs::{Current as _, Meminfo};

use super::hierarchy::{Mount, Mounts, cgroup_of};
use crate::pressure::open_folder;

/// `RAMFS_MAGIC` of `include/uapi/linux/magic.h`.
const RAMFS: i64 = 0x8584_58f6;

/// What there is of what `action` uses up, for who is in `inventory`. `workers` are our own processes
/// there; what is in `needed` the host needs room beside.
pub fn supplies_of(
    action: &Action,
    inventory: &Inventory,
    workers: &[i32],
    needed: &[&Path],
) -> Supplies {
    let Action::Pressure(pressure) = action else {
        return Supplies::default();
    };
    let file_systems = pressure.folder().map(|folder| {
        let needed: BTreeSet<u64> = needed.iter().filter_map(|path| device(path)).collect();
        let all = firsts(inventory, workers).into_iter().map(Some);
        let all = all.chain([None]);
        all.map(|pid| file_system(folder.as_str(), pid, &needed))
            .collect()
    });
    let limits = match pressure {
        Pressure::Memory(_) => limits(inventory),
        Pressure::Cpu(_) | Pressure::Disk(_) | Pressure::Fill(_) => BTreeMap::new(),
    };
    Supplies {
        processors: thread::available_parallelism()
            .map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
        memory: host_memory(),
        limits,
        file_systems: file_systems.unwrap_or_default(),
    }
}

fn device(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|found| found.dev())
}

/// One process of each cgroup, each once.
fn firsts(inventory: &Inventory, workers: &[i32]) -> BTreeSet<i32> {
    let first = |cgroup: &Cgroup| {
        let mut members = cgroup.members.iter().copied();
        members.find(|pid| *pid > 0 && !workers.contains(pid))
    };
    let cgroups = inventory.cgroups.iter().filter(|cgroup| !cgroup.is_root);
    cgroups.filter_map(first).collect()
}

fn host_memory() -> Option<Memory> {
    let found = Meminfo::current().ok()?;
    Some(Memory {
        total: found.mem_total,
        available: found.mem_available?,
    })
}

fn file_system(path: &str, seen_by: Option<i32>, needed: &BTreeSet<u64>) -> FileSystem {
    let mut found = FileSystem {
        seen_by,
        device: 0,
        total: 0,
        free: 0,
        available: 0,
        is_memory: false,
        is_needed: false,
        problem: None,
    };
    if let Err(problem) = measure(path, &mut found, needed) {
        found.problem = Some(problem.to_string());
    }
    found
}

fn measure(path: &str, found: &mut FileSystem, needed: &BTreeSet<u64>) -> std::io::Result<()> {
    let folder = open_folder(path, found.seen_by)?;
    let room = fstatvfs(&folder)?;
    let size = room.fragment_size();
    found.device = fstat(&folder)?.st_dev;
    found.total = room.blocks() * size;
    found.free = room.blocks_free() * size;
    found.available = room.blocks_available() * size;
    found.is_needed = needed.contains(&found.device);
    let kind = fstatfs(folder.as_fd())?.filesystem_type();
    found.is_memory = kind == TMPFS_MAGIC || kind.0 == RAMFS;
    if room.flags().contains(FsFlags::ST_RDONLY) {
        found.problem = Some("it is mounted to be read only".to_owned());
    }
    Ok(())
}

/// Of the target's cgroups that have one, in whichever hierarchy it is.
fn limits(inventory: &Inventory) -> BTreeMap<String, Memory> {
    let Ok(mounts) = Mounts::read() else {
        return BTreeMap::new();
    };
    let controller = Hierarchy::V1Other("memory".to_owned());
    let of = |cgroup: &Cgroup| {
        let v2 = mounts.get(&Hierarchy::V2);
        let by_v2 = v2.filter(|_| cgroup.hierarchy == Hierarchy::V2);
        let by_v2 = by_v2.and_then(|mount| tightest(mount, &cgroup.path, &V2));
        by_v2.or_else(|| {
            let mount = mounts.get(&controller)?;
            let member = cgroup.members.first()?;
            let member = Process::new(*member).ok()?;
            tightest(mount, &cgroup_of(&member, &controller).ok()??, &V1)
        })
    };
    let cgroups = inventory.cgroups.iter();
    cgroups
        .filter_map(|cgroup| Some((cgroup.path.clone(), of(cgroup)?)))
        .collect()
}

/// Where a hierarchy says it.
struct Names {
    limit: &'static str,
    used: &'static str,
    /// Of `memory.stat`: what is given back before anybody is killed.
    reclaimable: &'static str,
}

const V2: Names = Names {
    limit: "memory.max",
    used: "memory.current",
    reclaimable: "inactive_file ",
};
const V1: Names = Names {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file ",
};

/// Version 1 says this, rounded down to a page, where there is none.
const UNLIMITED: u64 = 1 << 62;

/// Of a cgroup and all above it, the one that leaves least.
fn tightest(mount: &Mount, path: &str, names: &Names) -> Option<Memory> {
    let folder = mount.folder(path)?;
    let above = folder.ancestors();
    let inside = above.take_while(|folder| folder.starts_with(&mount.point));
    let found = inside.filter_map(|folder| limit(folder, names));
    found.min_by_key(|limit| limit.available)
}

fn limit(folder: &Path, names: &Names) -> Option<Memory> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let total = number(names.limit).filter(|limit| *limit < UNLIMITED)?;
    let stat = read("memory.stat").unwrap_or_default();
    let mut lines = stat.lines();
    let reclaimable = lines.find_map(|line| line.strip_prefix(names.reclaimable));
    let reclaimable = reclaimable.and_then(|text| text.parse().ok()).unwrap_or(0);
    let used = number(names.used)?.saturating_sub(reclaimable);
    Some(Memory {
        total,
        available: total.saturating_sub(used),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{V2, limit};

    #[test]
    fn a_limit_leaves_what_is_not_used_or_can_be_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("memory.max", "max\n");
        write("memory.current", "300\n");
        write("memory.stat", "anon 100\ninactive_file 50\n");
        assert_eq!(limit(folder.path(), &V2), None);
        write("memory.max", "1000\n");
        let found = limit(folder.path(), &V2).unwrap();
        assert_eq!((found.total, found.available), (1000, 750));
    }
}
