//! Which settings of which cgroups to change, so that exactly the target has less.

use std::collections::BTreeSet;
use std::time::Duration;

use super::decision::{Hook, Mechanism, Select};
use super::freeze::too_many_pulses;
use super::inventory::{Cgroup, Hierarchy, Inventory};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Processes, Target};
use super::tighter::{Change, cpu, memory};
use super::whole::whole;
use crate::fault::Kind;
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
    let mut against = Vec::new();
    for (hierarchy, mechanism) in ways(inventory, limit.kind()) {
        let found = whole(inventory, processes, &hierarchy)
            .and_then(|cgroups| changes(inventory, limit, cgroups))
            .and_then(|changes| inventory.usable(mechanism).map(|()| changes));
        match found {
            Ok(changes) => return Ok(part(mechanism, changes, limit, duration)),
            Err(reason) => against.push(format!("{hierarchy}: {reason}")),
        }
    }
    if against.is_empty() {
        let missing = mechanisms(limit.kind()).map(|mechanism| inventory.usable(mechanism));
        against.extend(missing.into_iter().filter_map(Result::err));
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
fn ways(inventory: &Inventory, kind: Kind) -> Vec<(Hierarchy, Mechanism)> {
    let [v2, v1] = mechanisms(kind);
    let controller = kind.controllers().map(|[_v2, v1]| v1).unwrap_or_default();
    let all = inventory.cgroups.iter().map(|cgroup| &cgroup.hierarchy);
    let all: BTreeSet<&Hierarchy> = all.collect();
    let ways = all.into_iter().filter_map(|hierarchy| match hierarchy {
        Hierarchy::V2 => Some((hierarchy.clone(), v2)),
        other => other.is_v1_of(controller).then(|| (other.clone(), v1)),
    });
    ways.collect()
}

/// Of version 2 and of version 1.
fn mechanisms(kind: Kind) -> [Mechanism; 2] {
    match kind {
        Kind::MemoryLimit => [Mechanism::MemoryV2, Mechanism::MemoryV1],
        _of_processors => [Mechanism::CpuV2, Mechanism::CpuV1],
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
