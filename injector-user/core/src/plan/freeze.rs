//! Which cgroup to freeze, so that exactly the target stands still.

use std::collections::BTreeSet;
use std::time::Duration;

use super::conflict::below;
use super::decision::{Hook, Mechanism, Select};
use super::inventory::{Cgroup, Hierarchy, Inventory};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Processes, Target};
use crate::fault::process::Freeze;
use crate::units::format_duration;

pub(super) fn freeze(
    inventory: &Inventory,
    target: &Target<'_>,
    freeze: &Freeze,
    duration: Duration,
) -> Result<Part, Refusal> {
    let Target::Processes(processes) = target else {
        return Err(
            Refusal::input("target", "only processes can be frozen, interfaces cannot")
                .hint(OF_PROCESSES),
        );
    };
    let mut against = Vec::new();
    for (hierarchy, mechanism) in [
        (Hierarchy::V2, Mechanism::FreezerV2),
        (Hierarchy::V1Freezer, Mechanism::FreezerV1),
    ] {
        let found = held_alone(inventory, processes, &hierarchy)
            .and_then(|cgroups| inventory.usable(mechanism).map(|()| cgroups));
        match found {
            Ok(cgroups) => return Ok(part(mechanism, &cgroups, freeze, duration)),
            Err(reason) => against.push(format!("{hierarchy}: {reason}")),
        }
    }
    Err(Refusal::refused(
        "target",
        format!(
            "no cgroup can be frozen that holds the target and nobody else ({})",
            against.join("; ")
        ),
    )
    .hint("start the target with `-- COMMAND`, or move it into a cgroup of its own"))
}

/// The cgroups of a hierarchy that hold the target and nobody else, or why there are none.
pub(super) fn held_alone<'a>(
    inventory: &'a Inventory,
    processes: &Processes<'a>,
    hierarchy: &Hierarchy,
) -> Result<Vec<&'a Cgroup>, String> {
    candidates(inventory, processes, hierarchy)
        .and_then(|cgroups| qualify(inventory, processes, cgroups))
}

fn part(mechanism: Mechanism, cgroups: &[&Cgroup], freeze: &Freeze, duration: Duration) -> Part {
    let hooks = cgroups.iter().map(|cgroup| Hook::Freezer {
        hierarchy: cgroup.hierarchy.clone(),
        path: cgroup.path.clone(),
        id: cgroup.id,
    });
    Part {
        mechanism,
        also: Vec::new(),
        hooks: hooks.collect(),
        select: Select::default(),
        warnings: too_many_pulses(freeze, duration).into_iter().collect(),
    }
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
        Hierarchy::V1Freezer | Hierarchy::V1Other(_) => process.freezer_v1.as_deref(),
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

/// Not the root, not ours, not frozen already, and all its members are the target's.
fn qualifies(inventory: &Inventory, pids: &BTreeSet<i32>, cgroup: &Cgroup) -> Result<(), String> {
    let path = &cgroup.path;
    let other = cgroup.members.iter().find(|pid| !pids.contains(pid));
    if cgroup.is_root {
        Err("the target is in the root cgroup".to_owned())
    } else if inventory.own_cgroup_ancestors.contains(path) {
        Err(format!("temblor itself runs in or below {path}"))
    } else if let Some(other) = other {
        Err(format!("{path} also holds process {other}"))
    } else if cgroup.frozen && !is_frozen_by_us(inventory, cgroup) {
        Err(format!("{path} is frozen already, and not by this fault"))
    } else {
        Ok(())
    }
}

/// Whether a fault of ours freezes it or what holds it: that is a conflict with somebody who has a
/// name, and is said as such.
fn is_frozen_by_us(inventory: &Inventory, cgroup: &Cgroup) -> bool {
    let mut hooks = inventory.armed.iter().flat_map(|fault| &fault.hooks);
    hooks.any(|hook| match hook {
        Hook::Freezer {
            hierarchy, path, ..
        } => {
            let below = cgroup.path.strip_prefix(path.as_str());
            let covered = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            *hierarchy == cgroup.hierarchy && covered
        }
        Hook::Tcx { .. }
        | Hook::Cgroup { .. }
        | Hook::Sockets { .. }
        | Hook::Members { .. }
        | Hook::Family { .. }
        | Hook::Function { .. }
        | Hook::Instructions { .. }
        | Hook::Exit { .. }
        | Hook::Filter { .. }
        | Hook::Workers { .. } => false,
    })
}

fn too_many_pulses(freeze: &Freeze, duration: Duration) -> Option<String> {
    let Freeze {
        active,
        dormant,
        count,
    } = freeze;
    let (count, period) = (u128::from((*count)?), *active + dormant.unwrap_or_default());
    let period = period.as_nanos().max(1);
    // The last pulse fits if it has begun and has its active time left.
    let room = duration.as_nanos().saturating_sub(active.as_nanos());
    let fit = room / period + 1;
    (count > fit).then(|| {
        format!(
            "only {fit} of {count} pulses fit into the duration of {}",
            format_duration(duration)
        )
    })
}
