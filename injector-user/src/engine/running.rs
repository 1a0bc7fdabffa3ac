//! A fault that is armed.

use std::collections::BTreeSet;
use std::time::Duration;

use injector_abi::net::Exempt;
use injector_core::fault::FaultSpec;
use injector_core::plan::{ArmedFault as Planned, Plan, Select};

use super::events::Log;
use super::felt::Feeling;
use super::follow::Following;
use super::pressure::Pressures;
use super::trains::Trains;
use crate::interception::Interception;
use crate::loader::ArmedFault;
use crate::protocol::{State, Window};
use crate::signals::Signals;
use crate::target;

/// A connection's number.
pub(super) type Client = u64;

#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// Whose end ends it; none for a detached fault.
    pub(super) client: Option<Client>,
    pub(super) spec: FaultSpec,
    pub(super) plan: Plan,
    pub(super) seed: u64,
    pub(super) window: Window,
    /// Monotonic; it acts from then on.
    pub(super) active_from_ns: u64,
    /// Monotonic; when it was found to have had its `max_hits`.
    pub(super) spent_ns: Option<u64>,
    pub(super) state: State,
    pub(super) effect: Effect,
    pub(super) feeling: Option<Feeling>,
    /// Of the caller, whose session must survive wherever the fault moves.
    pub(super) ssh_connection: Option<String>,
    pub(super) following: Following,
    /// Who else was in the target's namespaces at the last look.
    pub(super) strangers: BTreeSet<i32>,
    /// Connections that must not be touched.
    pub(super) exempt: Vec<Exempt>,
    /// How many open connections it reset, if it was to.
    pub(super) connections_reset: Option<u64>,
    pub(super) warnings: Vec<String>,
    /// It decides and counts, and does nothing.
    pub(super) rehearsing: bool,
    /// Where its injections are told, if somebody follows.
    pub(super) log: Option<Log>,
}

/// What is to be begun outside the kernel.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) spec: FaultSpec,
    pub(super) plan: Plan,
    pub(super) seed: u64,
    /// For how long it only decides and counts; none if it acts.
    pub(super) rehearsal: Option<Duration>,
    pub(super) log: Option<Log>,
}

/// What makes it happen.
#[derive(Debug)]
pub(super) enum Effect {
    Kernel(Box<ArmedFault>),
    Pulses(Trains),
    Signals(Signals),
    Calls(Interception),
    Pressure(Pressures),
}

impl Order {
    /// What is told from now on is done.
    pub(super) fn told_so_far_is_rehearsed(&self) {
        if let Some(log) = &self.log {
            log.act();
        }
    }

    /// How long to wait before it begins.
    pub(super) fn delay(&self) -> Duration {
        match self.rehearsal {
            Some(_) => Duration::ZERO,
            None => self.spec.common.delay,
        }
    }

    /// How long it goes on then.
    pub(super) fn lasts(&self) -> Duration {
        self.rehearsal.unwrap_or(self.spec.common.duration)
    }
}

impl Running {
    /// Its own order once more, to be carried out this time.
    pub(super) fn order(&self) -> Order {
        Order {
            id: self.id.clone(),
            spec: self.spec.clone(),
            plan: self.plan.clone(),
            seed: self.seed,
            rehearsal: None,
            log: self.log.clone(),
        }
    }

    /// Adds a warning that has not been given yet.
    pub(super) fn warn(&mut self, warning: Option<String>) {
        let new = warning.filter(|warning| !self.warnings.contains(warning));
        self.warnings.extend(new);
    }

    /// As the planner wants to know it.
    pub(super) fn planned(&self) -> Planned {
        Planned {
            id: self.id.clone(),
            kind: self.plan.kind,
            owner: self.spec.common.owner.clone(),
            hooks: self.plan.hooks.clone(),
            select: Select {
                // Those that were started since suffer too.
                thread_groups: target::with_descendants(&self.plan.select.thread_groups),
                ..self.plan.select.clone()
            },
        }
    }
}
