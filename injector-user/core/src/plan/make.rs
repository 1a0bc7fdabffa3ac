//! The decision itself.

use super::check;
use super::conflict;
use super::decision::{Mechanism, Plan, Select, Who};
use super::inventory::Inventory;
use super::net::packets;
use super::refusal::Refusal;
use super::resolve::{Target, resolve};
use super::{decision::Hook, freeze, signal, sock};
use crate::fault::{Action, FaultSpec, net};
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
/// The same input gives the same plan. Nothing is widened: if the target's events cannot be told
/// from those of others, the answer is a refusal.
pub fn plan(inventory: &Inventory, spec: &FaultSpec) -> Result<Plan, Refusal> {
    let target = resolve(inventory, &spec.target, spec.common.all)?;
    check::target(inventory, &target, spec)?;
    check::names(spec)?;
    let mut part = match &spec.action {
        action @ (Action::NetLoss(net::Loss { filter, .. })
        | Action::NetDelay(net::Delay { filter, .. })
        | Action::NetDuplicate(net::Duplicate { filter, .. })
        | Action::NetCorrupt(net::Corrupt { filter, .. })
        | Action::NetRate(net::Rate { filter, .. })
        | Action::NetPartition(net::Partition { filter, .. })) => {
            packets(inventory, &target, action, filter)?
        }
        Action::SockError(failure) => sock::error(&target, failure)?,
        Action::ProcessFreeze(freeze) => {
            freeze::freeze(inventory, &target, freeze, spec.common.duration)?
        }
        Action::ProcessSignal(volleys) => signal::signal(&target, volleys, spec.common.duration)?,
    };
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
        who: who(&target),
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

fn who(target: &Target<'_>) -> Vec<Who> {
    match target {
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
