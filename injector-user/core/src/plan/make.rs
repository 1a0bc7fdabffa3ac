//! The decision itself.

use super::check;
use super::choose::{Choosing, choose, find_again};
use super::conflict;
use super::decision::{Chosen, Mechanism, Plan, Select, Who};
use super::inventory::Inventory;
use super::net::packets;
use super::refusal::Refusal;
use super::resolve::{Target, resolve};
use super::{decision::Hook, freeze, limit, pressure, signal, sock, syscall};
use crate::fault::{Action, FaultSpec, net};
use crate::target::Mode;
use crate::units::nanoseconds;

/// What one kind of fault adds to a plan.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) mechanism: Mechanism,
    /// What takes part beside it and the hooks.
    pub(super) also: Vec<Mechanism>,
    pub(super) hooks: Vec<Hook>,
    pub(super) select: Select,
    pub(super) warnings: Vec<String>,
}

/// Decides what will be done for `spec` on a host with this inventory, or says why not.
///
/// The same input gives the same plan; what is drawn is drawn by the seed of `spec`, or by 0. Nothing
/// is widened: if the target's events cannot be told from those of others, the answer is a refusal.
pub fn plan(inventory: &Inventory, spec: &FaultSpec) -> Result<Plan, Refusal> {
    if let Some(choosing) = choose(inventory, spec)? {
        return of_choice(inventory, spec, choosing);
    }
    let all = spec.common.effective_choice().mode == Some(Mode::All);
    let target = resolve(inventory, &spec.target, all)?;
    of_target(inventory, spec, &target)
}

/// The plan for what was chosen `before`, on a host that has changed since; `None` if nothing of it is
/// there. Nothing is chosen anew.
pub fn plan_again(
    inventory: &Inventory,
    spec: &FaultSpec,
    before: &Chosen,
) -> Result<Option<Plan>, Refusal> {
    find_again(inventory, spec, before)
        .map(|choosing| of_choice(inventory, spec, choosing))
        .transpose()
}

fn of_choice(
    inventory: &Inventory,
    spec: &FaultSpec,
    choosing: Choosing<'_>,
) -> Result<Plan, Refusal> {
    let Choosing {
        processes,
        chosen,
        warnings,
    } = choosing;
    let plan = of_target(inventory, spec, &Target::Processes(processes))?;
    Ok(Plan {
        chosen: Some(chosen),
        warnings: [warnings, plan.warnings].concat(),
        ..plan
    })
}

fn of_target(
    inventory: &Inventory,
    spec: &FaultSpec,
    target: &Target<'_>,
) -> Result<Plan, Refusal> {
    check::target(inventory, target, spec)?;
    check::names(spec)?;
    let mut part = part(inventory, spec, target)?;
    if spec.common.probability.threshold() == 0 {
        part.warnings
            .push("with a probability of 0 nothing will ever happen".to_owned());
    }
    let Part {
        mechanism,
        also,
        hooks,
        select,
        warnings,
    } = part;
    let plan = Plan {
        kind: spec.kind(),
        fault: spec.to_params(),
        who: who(target),
        chosen: None,
        mechanism,
        also,
        hooks,
        select,
        delay_ns: nanoseconds(spec.common.delay),
        duration_ns: nanoseconds(spec.common.duration),
        warnings,
    };
    check::capabilities(inventory, &plan)?;
    conflict::check(&inventory.armed, &plan)?;
    Ok(plan)
}

fn part(inventory: &Inventory, spec: &FaultSpec, target: &Target<'_>) -> Result<Part, Refusal> {
    match &spec.action {
        action @ (Action::NetLoss(net::Loss { filter, .. })
        | Action::NetDelay(net::Delay { filter, .. })
        | Action::NetDuplicate(net::Duplicate { filter, .. })
        | Action::NetCorrupt(net::Corrupt { filter, .. })
        | Action::NetRate(net::Rate { filter, .. })
        | Action::NetPartition(net::Partition { filter, .. })) => {
            packets(inventory, target, action, filter)
        }
        Action::SockError(failure) => sock::error(inventory, target, failure),
        Action::Calls(fault) => syscall::error(inventory, target, &fault.failing()),
        Action::ProcessFreeze(freeze) => {
            freeze::freeze(inventory, target, freeze, spec.common.duration)
        }
        Action::Limit(limit) => limit::limit(inventory, target, limit, spec.common.duration),
        Action::ProcessSignal(volleys) => signal::signal(target, volleys, spec.common.duration),
        Action::Pressure(asked) => pressure::pressure(inventory, target, asked),
    }
}

fn who(target: &Target<'_>) -> Vec<Who> {
    match target {
        // Everybody, by no name.
        Target::Host => Vec::new(),
        Target::Processes(processes) => {
            let all = processes.all.iter();
            all.map(|process| Who::Process {
                pid: process.pid,
                comm: process.comm.clone(),
            })
            .collect()
        }
        Target::Interfaces(namespace, interfaces) => {
            let netns = namespace.name.as_ref().unwrap_or(&namespace.handle);
            let all = interfaces.iter();
            all.map(|interface| Who::Interface {
                name: interface.name.clone(),
                netns: netns.clone(),
            })
            .collect()
        }
    }
}
