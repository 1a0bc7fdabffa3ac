//! From what a cgroup's setting shows to what it is to show: only ever tighter.

use std::time::Duration;

use super::inventory::{Cgroup, Hierarchy, Inventory};
use crate::fault::limit::{Cpu, How, Memory};
use crate::units::{ByteSize, CpuShare};

/// One file and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) file: &'static str,
    /// The line of it that is meant, by its first word; empty for a file of one line.
    pub(super) key: String,
    pub(super) before: String,
    pub(super) during: String,
    pub(super) warning: Option<String>,
}

const CPU_MAX: &str = "cpu.max";
const CFS_QUOTA: &str = "cpu.cfs_quota_us";
const CFS_PERIOD: &str = "cpu.cfs_period_us";
pub(super) const MEMORY_HIGH: &str = "memory.high";
const MEMORY_MAX: &str = "memory.max";
const MEMORY_LIMIT: &str = "memory.limit_in_bytes";
const MEMORY_STAT: &str = "memory.stat";
pub(super) const IO_MAX: &str = "io.max";

/// The files that matter to limits by a controller.
pub fn settings(controller: &str) -> &'static [&'static str] {
    match controller {
        "cpu" => &[CPU_MAX, CFS_QUOTA, CFS_PERIOD],
        "memory" => &[MEMORY_HIGH, MEMORY_MAX, MEMORY_LIMIT, MEMORY_STAT],
        // And one that is there where the kernel knows whose the pages are that are written back.
        "io" => &[IO_MAX, MEMORY_HIGH],
        _without_limits => &[],
    }
}

/// `-1` for no quota, `9223372036854771712` for no limit: what is not less than this is none.
const UNLIMITED: u64 = (i64::MAX as u64) / 4_096 * 4_096;

/// Less processor time for this cgroup, if it and those above have more than that now.
pub(super) fn cpu(inventory: &Inventory, cgroup: &Cgroup, asked: &Cpu) -> Result<Change, String> {
    let path = cgroup.path.as_str();
    let (quota_us, period_us) =
        bandwidth(inventory, &cgroup.hierarchy, path).ok_or_else(|| lacking(cgroup, "cpu"))??;
    let wanted_us = asked.period.map_or(period_us, microseconds);
    let wanted = asked
        .quota_us(Duration::from_micros(wanted_us))
        .map_err(|too_little| too_little.message)?;
    let now = quota_us.map(|quota_us| CpuShare::from_parts(quota_us, period_us));
    if let Some(now) = now.filter(|now| *now <= asked.quota) {
        return Err(format!(
            "{path} has no more than {now} already, which is not looser than {}",
            asked.quota
        ));
    }
    for above in ancestors(path) {
        let Some(Ok((Some(quota_us), period_us))) = bandwidth(inventory, &cgroup.hierarchy, above)
        else {
            continue;
        };
        let now = CpuShare::from_parts(quota_us, period_us);
        if now <= asked.quota {
            return Err(format!(
                "{above} above it has no more than {now} already, which is not looser than {}",
                asked.quota
            ));
        }
    }
    let (file, before, during) = if cgroup.hierarchy == Hierarchy::V2 {
        let before = quota_us.map_or_else(|| "max".to_owned(), |quota_us| quota_us.to_string());
        let before = format!("{before} {period_us}");
        (CPU_MAX, before, format!("{wanted} {wanted_us}"))
    } else if wanted_us == period_us {
        let before = quota_us.map_or_else(|| "-1".to_owned(), |quota_us| quota_us.to_string());
        (CFS_QUOTA, before, wanted.to_string())
    } else {
        // They are two files there, which nobody can change and restore at once.
        return Err(format!(
            "{path} has a period of {period_us}us, which stays as it is in cgroup v1"
        ));
    };
    Ok(Change {
        file,
        key: String::new(),
        before,
        during,
        warning: None,
    })
}

/// Quota, none if there is none, and period, in microseconds; none if the cgroup has no such settings.
fn bandwidth(
    inventory: &Inventory,
    hierarchy: &Hierarchy,
    path: &str,
) -> Option<Result<(Option<u64>, u64), String>> {
    let get = |file| inventory.setting(hierarchy, path, file);
    let (quota, period) = if *hierarchy == Hierarchy::V2 {
        get(CPU_MAX)?.split_once(' ')?
    } else {
        (get(CFS_QUOTA)?, get(CFS_PERIOD)?)
    };
    let unclear = |_not_a_number| format!("{path} shows `{quota}` of `{period}`, which is unclear");
    Some(period.parse().map_err(unclear).and_then(|period| {
        if matches!(quota, "max" | "-1") {
            return Ok((None, period));
        }
        let quota = quota.parse().map_err(unclear)?;
        Ok((Some(quota), period))
    }))
}

/// Less memory for this cgroup, if it and those above have more than that now.
pub(super) fn memory(
    inventory: &Inventory,
    cgroup: &Cgroup,
    asked: &Memory,
) -> Result<Change, String> {
    if asked.how == How::Kill && inventory.panics_on_oom {
        return Err("vm.panic_on_oom is 2: the whole host would stop instead".to_owned());
    }
    let (path, hierarchy) = (cgroup.path.as_str(), &cgroup.hierarchy);
    let v2 = *hierarchy == Hierarchy::V2;
    let file = match (v2, asked.how) {
        (true, How::Throttle) => MEMORY_HIGH,
        (true, How::Kill) => MEMORY_MAX,
        (false, How::Kill) => MEMORY_LIMIT,
        (false, How::Throttle) => {
            return Err("it has no memory.high to throttle by; `how: kill` is possible".to_owned());
        }
    };
    let before = inventory.setting(hierarchy, path, file);
    let before = before.ok_or_else(|| lacking(cgroup, "memory"))?;
    let size = asked.whole_pages();
    for whose in std::iter::once(path).chain(ancestors(path)) {
        for file in [MEMORY_HIGH, MEMORY_MAX, MEMORY_LIMIT] {
            let now = inventory.setting(hierarchy, whose, file).and_then(bytes);
            if let Some(now) = now.filter(|now| *now <= size) {
                return Err(format!(
                    "{file} of {whose} is {} already, which is not looser than {}",
                    ByteSize::new(now),
                    asked.size
                ));
            }
        }
    }
    Ok(Change {
        file,
        key: String::new(),
        before: before.to_owned(),
        during: size.to_string(),
        warning: warning(inventory, cgroup, asked)?,
    })
}

/// What follows from what the cgroup holds now and cannot be taken back from it.
fn warning(
    inventory: &Inventory,
    cgroup: &Cgroup,
    asked: &Memory,
) -> Result<Option<String>, String> {
    let (path, hierarchy) = (cgroup.path.as_str(), &cgroup.hierarchy);
    let stat = inventory.setting(hierarchy, path, MEMORY_STAT);
    let held = stat.map(held).unwrap_or_default();
    if held <= asked.whole_pages() {
        return Ok(None);
    }
    let holds = format!(
        "{path} holds {} now, beside what it only caches",
        ByteSize::new(held)
    );
    match asked.how {
        How::Throttle => Ok(Some(format!(
            "{holds}: without swap it will stand nearly still"
        ))),
        How::Kill if *hierarchy != Hierarchy::V2 => {
            Err(format!("{holds}, and cgroup v1 takes no limit below that"))
        }
        How::Kill if asked.allow_kill => Ok(Some(format!(
            "{holds}: without swap processes will be killed at once"
        ))),
        How::Kill => Err(format!(
            "{holds}, so that processes would be killed at once; `allow_kill` accepts that"
        )),
    }
}

/// What of `memory.stat` is neither cache nor the kernel's.
fn held(stat: &str) -> u64 {
    let rows = stat.lines().filter_map(|line| line.split_once(' '));
    let counted = rows.filter(|(name, _)| MEMORY_HELD.contains(name));
    let numbers = counted.filter_map(|(_, bytes)| bytes.parse::<u64>().ok());
    numbers.sum()
}

/// In version 2, and in version 1 with the cgroups below.
pub const MEMORY_HELD: [&str; 4] = ["anon", "shmem", "total_rss", "total_shmem"];

/// None where there is no limit.
fn bytes(shown: &str) -> Option<u64> {
    shown.parse().ok().filter(|bytes| *bytes < UNLIMITED)
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The cgroups above, the nearest first.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |path| parent(path))
}

fn parent(path: &str) -> Option<&str> {
    match path.rsplit_once('/')? {
        ("", "") => None,
        ("", _) => Some("/"),
        (parent, _) => Some(parent),
    }
}

pub(super) fn lacking(cgroup: &Cgroup, controller: &str) -> String {
    let path = &cgroup.path;
    if cgroup.hierarchy == Hierarchy::V2 {
        format!(
            "{path} has no settings of the {controller} controller (cgroup.subtree_control of the \
             cgroup above it does not name it)"
        )
    } else {
        format!("{path} has no settings of the {controller} controller")
    }
}
