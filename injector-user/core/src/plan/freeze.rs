//! Which cgroup to freeze, so that exactly the target stands still.

use std::time::Duration;

use super::decision::{Hook, Mechanism, Select};
use super::inventory::{Cgroup, Hierarchy, Inventory};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Target};
use super::whole::whole;
use crate::fault::Pulses;
use crate::units::format_duration;

pub(super) fn freeze(
    inventory: &Inventory,
    target: &Target<'_>,
    freeze: &Pulses,
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
        let found = whole(inventory, processes, &hierarchy)
            .and_then(|cgroups| check_thawed(inventory, &cgroups).map(|()| cgroups))
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

fn part(mechanism: Mechanism, cgroups: &[&Cgroup], freeze: &Pulses, duration: Duration) -> Part {
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

/// Not frozen already.
fn check_thawed(inventory: &Inventory, cgroups: &[&Cgroup]) -> Result<(), String> {
    let frozen = |cgroup: &&&Cgroup| cgroup.frozen && !is_frozen_by_us(inventory, cgroup);
    cgroups.iter().find(frozen).map_or(Ok(()), |cgroup| {
        Err(format!(
            "{} is frozen already, and not by this fault",
            cgroup.path
        ))
    })
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
        | Hook::Workers { .. }
        | Hook::Setting { .. } => false,
    })
}

pub(super) fn too_many_pulses(pulses: &Pulses, duration: Duration) -> Option<String> {
    let Pulses {
        active,
        dormant,
        count,
    } = pulses;
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
