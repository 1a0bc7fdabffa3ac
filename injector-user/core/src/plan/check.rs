//! What no target may be and what every plan needs.

use super::decision::Plan;
use super::inventory::{CapabilityState, Inventory, Namespace};
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Target};
use crate::fault::net::Filter;
use crate::fault::{FAULT, FaultSpec, Peer, Prefix, prefixes};
use crate::target::Selector;

/// Refuses protected processes, cgroups we ourselves are in, targets the fault cannot have, and
/// interfaces of the host without a filter.
pub(super) fn target(
    inventory: &Inventory,
    target: &Target<'_>,
    spec: &FaultSpec,
) -> Result<(), Refusal> {
    match target {
        Target::Processes(processes) => {
            let mut all = processes.all.iter();
            let protected = all.find_map(|process| Some((process, process.protected.as_ref()?)));
            if let Some((process, reason)) = protected {
                return Err(Refusal::refused(
                    "target",
                    format!(
                        "process {} ({}) is protected: {}",
                        process.pid, process.comm, reason.0
                    ),
                )
                .hint("choose a target without it; protected processes are never targets"));
            }
        }
        Target::Interfaces(namespace, _) => interfaces(namespace, spec)?,
        Target::Host => host(spec)?,
    }
    match &spec.target {
        Selector::Cgroup(path) if inventory.own_cgroup_ancestors.contains(path) => {
            Err(Refusal::refused(
                "target",
                format!("temblor itself runs in or below the cgroup {path}"),
            )
            .hint("choose a cgroup further down that holds only the target"))
        }
        _ => Ok(()),
    }
}

/// Refuses names that nobody has resolved: the planner asks no name server.
pub(super) fn names(spec: &FaultSpec) -> Result<(), Refusal> {
    let unresolved = spec.action.peers().iter().find_map(|peer| match peer {
        Peer::Name { name, addresses } if addresses.is_empty() => Some(name),
        _ => None,
    });
    match unresolved {
        None => Ok(()),
        Some(name) => Err(
            Refusal::input("peers", format!("the name `{name}` was not resolved"))
                .hint("give its addresses"),
        ),
    }
}

/// Refuses the host as a whole to what would reach us, too.
fn host(spec: &FaultSpec) -> Result<(), Refusal> {
    let kind = spec.kind();
    if kind.is_of_pressure() {
        return Ok(());
    }
    let message = format!("the whole host cannot be the target of {kind}: Temblor is a part of it");
    let hint = if spec.action.filter().is_some() {
        "use iface:, netns:, cgroup:, container:, unit: or pid:"
    } else {
        OF_PROCESSES
    };
    Err(Refusal::input("target", message).hint(hint))
}

fn interfaces(namespace: &Namespace, spec: &FaultSpec) -> Result<(), Refusal> {
    let Some(filter) = spec.action.filter() else {
        return Err(Refusal::input(
            "target",
            format!(
                "{} is a fault of processes, and {} is not one",
                spec.kind(),
                spec.target
            ),
        )
        .hint(OF_PROCESSES));
    };
    if namespace.is_host && !restricts(filter) {
        return Err(Refusal::input(
            "target",
            format!(
                "{} belongs to the host, and without peers or ports all its traffic would suffer",
                spec.target
            ),
        )
        .hint("add `peers` or `ports`, or use a target with a network namespace of its own"));
    }
    Ok(())
}

/// Whether there are ports, or peers that are not simply everybody.
fn restricts(filter: &Filter) -> bool {
    let peers = prefixes(&filter.peers);
    let named = !peers.is_empty() && !peers.iter().any(|peer| Prefix::is_everybody(*peer));
    named || !filter.ports.is_empty()
}

/// Refuses a plan for which this host lacks something.
pub(super) fn capabilities(inventory: &Inventory, plan: &Plan) -> Result<(), Refusal> {
    for mechanism in plan.mechanisms() {
        let capability = inventory.capabilities.get(&mechanism);
        let (state, reason) = match capability {
            Some(capability) => (capability.state, capability.reason.as_str()),
            None => (CapabilityState::Unknown, "it was not tried"),
        };
        let said = match state {
            CapabilityState::Supported => continue,
            CapabilityState::Unsupported => "this kernel does not have",
            CapabilityState::RefusedByPolicy => "this host does not permit",
            CapabilityState::Unknown => "it could not be found out whether this host has",
        };
        let kind = plan.kind;
        return Err(Refusal::refused(
            FAULT,
            format!("{said} `{mechanism}`, which {kind} needs here: {reason}"),
        )
        .hint("`temblor doctor` says what this host can do"));
    }
    Ok(())
}
