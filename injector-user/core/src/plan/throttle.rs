//! From what `io.max` shows of a disk to what it is to show: only ever tighter.

use super::disks::Disk;
use super::inventory::{Cgroup, Inventory};
use super::refusal::Refusal;
use super::tighter::{Change, IO_MAX, MEMORY_HIGH, ancestors, lacking};
use crate::fault::limit::{self, Rate};

/// What `io.max` shows where there is no limit.
const NONE: &str = "max";

/// The disk that holds the path for all of the target, or why there is no such one.
pub(super) fn disk_of<'a>(
    inventory: &'a Inventory,
    asked: &limit::Disk,
) -> Result<&'a Disk, Refusal> {
    let mut found: Option<&Disk> = None;
    for seen in &inventory.disks {
        let disk = seen.as_ref().map_err(|reason| {
            Refusal::refused("path", format!("{}: {reason}", asked.path))
                .hint("a path on a disk, or `latency`, which needs none")
        })?;
        if let Some(other) = found.filter(|other| *other != disk) {
            let message = format!(
                "{} is on {} for one of the target's processes and on {} for another",
                asked.path, other.name, disk.name
            );
            return Err(Refusal::refused("path", message)
                .hint("choose a target whose processes share their root directory"));
        }
        found = Some(disk);
    }
    found.ok_or_else(|| {
        Refusal::refused("path", format!("{} was not looked up", asked.path))
            .hint("this is a bug: please report it")
    })
}

/// Lower rates for this cgroup, if it and those above have higher ones now.
pub(super) fn throttle(
    inventory: &Inventory,
    cgroup: &Cgroup,
    asked: &limit::Disk,
    disk: &Disk,
) -> Result<Change, String> {
    let (path, hierarchy) = (cgroup.path.as_str(), &cgroup.hierarchy);
    let shown = inventory.setting(hierarchy, path, IO_MAX);
    let shown = shown.ok_or_else(|| lacking(cgroup, "io"))?;
    for whose in std::iter::once(path).chain(ancestors(path)) {
        let shown = inventory.setting(hierarchy, whose, IO_MAX);
        let shown = shown.unwrap_or_default();
        for (rate, wanted) in &asked.rates {
            let now = value(shown, disk, *rate).parse().ok();
            if let Some(now) = now.filter(|now| now <= wanted) {
                return Err(format!(
                    "{} of {} in {IO_MAX} of {whose} is {} already, which is not looser than {}",
                    rate.name(),
                    disk.name,
                    rate.show(now),
                    rate.show(*wanted)
                ));
            }
        }
    }
    let rates = asked.rates.iter();
    let before = rates
        .clone()
        .map(|(rate, _)| format!("{}={}", rate.key(), value(shown, disk, *rate)));
    let during = rates.map(|(rate, wanted)| format!("{}={wanted}", rate.key()));
    Ok(Change {
        file: IO_MAX,
        key: disk.number.clone(),
        before: before.collect::<Vec<_>>().join(" "),
        during: during.collect::<Vec<_>>().join(" "),
        warning: warning(inventory, cgroup, asked),
    })
}

/// Of a disk's row; a disk without one has no limit.
fn value<'a>(shown: &'a str, disk: &Disk, rate: Rate) -> &'a str {
    let row = |line: &'a str| line.strip_prefix(disk.number.as_str())?.strip_prefix(' ');
    let row = shown.lines().find_map(row).unwrap_or_default();
    let mut values = row.split(' ').filter_map(|part| part.split_once('='));
    let found = values.find(|(key, _)| *key == rate.key());
    found.map_or(NONE, |(_, value)| value)
}

/// Writes wait in memory, and only the memory controller knows whose they are when they leave it.
fn warning(inventory: &Inventory, cgroup: &Cgroup, asked: &limit::Disk) -> Option<String> {
    let (path, hierarchy) = (cgroup.path.as_str(), &cgroup.hierarchy);
    let writes = [Rate::WriteBytes, Rate::Writes];
    let known = inventory.setting(hierarchy, path, MEMORY_HIGH).is_some();
    let concerned = writes.iter().any(|rate| asked.rates.contains_key(rate));
    (concerned && !known).then(|| {
        format!(
            "{path} has no memory controller: of its writes only those with O_DIRECT or O_SYNC are limited"
        )
    })
}
