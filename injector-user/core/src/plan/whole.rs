//! Which cgroups hold the target and nobody else, so that what is done to them is done to it alone.

use std::collections::BTreeSet;

use super::conflict::below;
use super::inventory::{Cgroup, Hierarchy, Inventory};
use super::resolve::Processes;

/// The cgroups of this hierarchy which together hold exactly the target, or why there are none.
pub(super) fn whole<'a>(
    inventory: &'a Inventory,
    processes: &Processes<'a>,
    hierarchy: &Hierarchy,
) -> Result<Vec<&'a Cgroup>, String> {
    let cgroups = candidates(inventory, processes, hierarchy)?;
    qualify(inventory, processes, cgroups)
}

/// The selected cgroups, or else those that the target's processes are in; none within another.
fn candidates<'a>(
    inventory: &'a Inventory,
    processes: &Processes<'a>,
    hierarchy: &Hierarchy,
) -> Result<Vec<&'a Cgroup>, String> {
    let selected = processes.cgroups.iter().copied();
    let mut selected: Vec<&Cgroup> = selected
        .filter(|cgroup| cgroup.hierarchy == *hierarchy)
        .collect();
    if selected.is_empty() {
        selected = of_processes(inventory, processes, hierarchy)?;
    }
    let all = selected.clone();
    let outer = |cgroup: &Cgroup| {
        let mut all = all.iter();
        all.any(|other| other.path != cgroup.path && below(&other.path, &cgroup.path))
    };
    selected.retain(|cgroup| !outer(cgroup));
    Ok(selected)
}

fn of_processes<'a>(
    inventory: &'a Inventory,
    processes: &Processes<'_>,
    hierarchy: &Hierarchy,
) -> Result<Vec<&'a Cgroup>, String> {
    let paths = processes.all.iter().map(|process| match hierarchy {
        Hierarchy::V2 => process.cgroup_v2.as_deref(),
        Hierarchy::V1Freezer => process.freezer_v1.as_deref(),
        Hierarchy::V1Other(_) => innermost(inventory, hierarchy, process.pid),
    });
    let paths: Option<BTreeSet<&str>> = paths.collect();
    let paths = paths.filter(|paths| !paths.is_empty());
    let paths = paths.ok_or_else(|| "the target is in none of its cgroups".to_owned())?;
    let found = paths.into_iter().map(|path| {
        let mut all = inventory.cgroups.iter();
        all.find(|cgroup| cgroup.hierarchy == *hierarchy && cgroup.path == path)
            .ok_or_else(|| format!("{path} could not be read"))
    });
    found.collect()
}

/// Where a process is in a hierarchy: the cgroups above count it too, and the root counts nobody.
fn innermost<'a>(inventory: &'a Inventory, hierarchy: &Hierarchy, pid: i32) -> Option<&'a str> {
    let all = inventory.cgroups.iter();
    let of_it = all.filter(|cgroup| cgroup.hierarchy == *hierarchy);
    let holding = of_it.filter(|cgroup| cgroup.is_root || cgroup.members.contains(&pid));
    let paths = holding.map(|cgroup| cgroup.path.as_str());
    paths.max_by_key(|path| path.len())
}

/// Each of them qualifies, and together they hold the whole target.
fn qualify<'a>(
    inventory: &Inventory,
    processes: &Processes<'_>,
    cgroups: Vec<&'a Cgroup>,
) -> Result<Vec<&'a Cgroup>, String> {
    let pids = processes.pids();
    for cgroup in &cgroups {
        qualifies(inventory, &pids, cgroup)?;
    }
    let held: BTreeSet<i32> = cgroups
        .iter()
        .flat_map(|cgroup| cgroup.members.iter().copied())
        .collect();
    match (pids.iter().find(|pid| !held.contains(pid)), &*cgroups) {
        (None, _) => Ok(cgroups),
        (Some(missing), [cgroup]) => {
            Err(format!("{} does not hold process {missing}", cgroup.path))
        }
        (Some(missing), _) => Err(format!("none of them holds process {missing}")),
    }
}

/// Not the root, not ours, and all its members are the target's.
fn qualifies(inventory: &Inventory, pids: &BTreeSet<i32>, cgroup: &Cgroup) -> Result<(), String> {
    let path = &cgroup.path;
    let other = cgroup.members.iter().find(|pid| !pids.contains(pid));
    if cgroup.is_root {
        Err("the target is in the root cgroup".to_owned())
    } else if inventory.own_cgroup_ancestors.contains(path) {
        Err(format!("temblor itself runs in or below {path}"))
    } else if let Some(other) = other {
        Err(format!("{path} also holds process {other}"))
    } else {
        Ok(())
    }
}
