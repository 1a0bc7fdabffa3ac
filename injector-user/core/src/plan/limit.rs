//! Which settings of which cgroups to change, so that exactly the target has less.

use std::collections::BTreeSet;
use std::time::Duration;

use super::decision::{Hook, Mechanism, Select};
use super::freeze::too_many_pulses;
use super::inventory::{Cgroup, Hierarchy, Inventory};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Processes, Target};
use super::throttle::{disk_of, throttle};
use super::tighter::{Change, cpu, memory};
use super::whole::whole;
use crate::fault::limit::{Limit, Of};

pub(super) fn limit(
    inventory: &Inventory,
    target: &Target<'_>,
    limit: &Limit,
    duration: Duration,
) -> Result<Part, Refusal> {
    let Target::Processes(processes) = target else {
        return Err(
            Refusal::input("target", "only processes can be limited, interfaces cannot")
                .hint(OF_PROCESSES),
        );
    };
    if let Of::Disk(asked) = &limit.of {
        disk_of(inventory, asked)?;
    }
    let mut against = Vec::new();
    for (hierarchy, mechanism) in ways(inventory, limit) {
        let found = whole(inventory, processes, &hierarchy)
            .and_then(|cgroups| changes(inventory, limit, cgroups))
            .and_then(|changes| inventory.usable(mechanism).map(|()| changes));
        match found {
            Ok(changes) => return Ok(part(mechanism, changes, limit, duration)),
            Err(reason) => against.push(format!("{hierarchy}: {reason}")),
        }
    }
    if against.is_empty() {
        let (v2, v1) = mechanisms(limit);
        let missing = [Some(v2), v1].into_iter().flatten();
        let missing = missing.map(|mechanism| inventory.usable(mechanism));
        against.extend(missing.filter_map(Result::err));
    }
    Err(Refusal::refused(
        "target",
        format!(
            "no cgroup can be limited that holds the target and nobody else ({})",
            against.join("; ")
        ),
    )
    .hint(hint(processes)))
}

/// The hierarchies that have such settings, each with what it is called, version 2 first.
fn ways(inventory: &Inventory, limit: &Limit) -> Vec<(Hierarchy, Mechanism)> {
    let (v2, v1) = mechanisms(limit);
    let [_v2, controller] = limit.controllers();
    let all = inventory.cgroups.iter().map(|cgroup| &cgroup.hierarchy);
    let all: BTreeSet<&Hierarchy> = all.collect();
    let ways = all.into_iter().filter_map(|hierarchy| match hierarchy {
        Hierarchy::V2 => Some((hierarchy.clone(), v2)),
        other => Some(other)
            .filter(|_| other.is_v1_of(controller))
            .cloned()
            .zip(v1),
    });
    ways.collect()
}

/// Of version 2, and of version 1 if it has the like.
fn mechanisms(limit: &Limit) -> (Mechanism, Option<Mechanism>) {
    match &limit.of {
        Of::Cpu(_) => (Mechanism::CpuV2, Some(Mechanism::CpuV1)),
        Of::Memory(_) => (Mechanism::MemoryV2, Some(Mechanism::MemoryV1)),
        // A file for each rate there, and what is written back later belongs to nobody.
        Of::Disk(_) => (Mechanism::IoV2, None),
    }
}

fn hint(processes: &Processes<'_>) -> &'static str {
    if processes.all.is_empty() {
        "start the command yourself in a cgroup of its own, and name it with pid: or cgroup:"
    } else {
        "move the target into a cgroup of its own, or choose one whose setting is looser than that"
    }
}

/// What changes at each of the cgroups.
fn changes<'a>(
    inventory: &Inventory,
    limit: &Limit,
    cgroups: Vec<&'a Cgroup>,
) -> Result<Vec<(&'a Cgroup, Change)>, String> {
    let change = |cgroup: &'a Cgroup| {
        let change = match &limit.of {
            Of::Cpu(asked) => cpu(inventory, cgroup, asked),
            Of::Memory(asked) => memory(inventory, cgroup, asked),
            Of::Disk(asked) => disk_of(inventory, asked)
                .map_err(|refusal| refusal.to_string())
                .and_then(|disk| throttle(inventory, cgroup, asked, disk)),
        };
        change.map(|change| (cgroup, change))
    };
    cgroups.into_iter().map(change).collect()
}

fn part(
    mechanism: Mechanism,
    changes: Vec<(&Cgroup, Change)>,
    limit: &Limit,
    duration: Duration,
) -> Part {
    let pulses = limit.pulses.as_ref();
    let mut warnings: Vec<String> = pulses
        .and_then(|pulses| too_many_pulses(pulses, duration))
        .into_iter()
        .collect();
    if changes.len() > 1 {
        warnings.push(format!(
            "each of the {} cgroups has a limit of its own",
            changes.len()
        ));
    }
    let mut hooks = Vec::new();
    for (cgroup, change) in changes {
        let Change {
            file,
            key,
            before,
            during,
            warning,
        } = change;
        warnings.extend(warning);
        hooks.push(Hook::Setting {
            hierarchy: cgroup.hierarchy.clone(),
            path: cgroup.path.clone(),
            id: cgroup.id,
            file: file.to_owned(),
            key,
            before,
            during,
        });
    }
    Part {
        mechanism,
        also: Vec::new(),
        hooks,
        select: Select::default(),
        warnings,
    }
}
