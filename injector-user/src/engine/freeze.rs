//! Freezes: the loop that pulses has the engine's plan, dice and log.

use std::collections::BTreeSet;

use injector_core::fault::process::Freeze as Asked;
use injector_core::plan::{Hierarchy, Hook, Plan, Who};

use super::dice::{Dice, Verdict};
use super::running::{Effect, Order};
use super::state::{Engine, failed, refused};
use crate::freezer::{Decision, Flavour, Freeze, Freezer, Pulses, Train};
use crate::protocol::Failure;
use crate::safety::Permit;
use crate::safety::undo::Cause;
use crate::target;

impl Engine {
    /// Starts the pulses of a planned freeze.
    pub(super) fn freeze(
        &mut self,
        order: &Order,
        asked: &Asked,
        permit: Permit,
    ) -> Result<Effect, Failure> {
        let (spec, plan) = (&order.spec, &order.plan);
        let freeze = Freeze {
            freezer: freezer(plan)?,
            train: Train {
                delay: order.delay(),
                active: asked.active,
                dormant: asked.dormant.unwrap_or_default(),
                count: asked.count,
                duration: order.lasts(),
            },
            cause: Cause {
                fault: Some(order.id.clone()),
                owner: spec.common.owner.clone(),
            },
            is_target: is_target(plan),
            decide: decision(order),
            ended: Box::new(|_ending| {}),
        };
        Pulses::start(permit, &self.keeper, &self.log, freeze)
            .map(Effect::Freeze)
            .map_err(|error| failed(&error))
    }
}

/// Of the cgroup that the plan names.
fn freezer(plan: &Plan) -> Result<Freezer, Failure> {
    let Some(Hook::Freezer { hierarchy, path }) = plan.hooks.first() else {
        return Err(refused(
            "the plan names no cgroup to freeze",
            Some("this is a bug: please report it"),
        ));
    };
    let flavour = match hierarchy {
        Hierarchy::V2 => Flavour::V2,
        Hierarchy::V1Freezer | Hierarchy::V1Other(_) => Flavour::V1,
    };
    let folder = target::folder(hierarchy, path).ok_or_else(|| {
        refused(
            format!("cgroup `{path}` is not mounted here"),
            Some("mount its hierarchy in the engine's mount namespace"),
        )
    })?;
    Freezer::open(flavour, &folder).map_err(|error| failed(&error))
}

/// The planned processes and what they have started since.
fn is_target(plan: &Plan) -> Box<dyn Fn(i32) -> bool + Send> {
    let planned: BTreeSet<i32> = plan
        .who
        .iter()
        .filter_map(|who| match who {
            Who::Process { pid, .. } => Some(*pid),
            Who::Interface { .. } => None,
        })
        .collect();
    Box::new(move |pid| target::descends_from(pid, &planned))
}

/// The same decisions as in the kernel, with the pulse's number for the index of the hit.
fn decision(order: &Order) -> Box<dyn FnMut(u64) -> Decision + Send> {
    let mut dice = Dice::new(&order.spec, order.seed);
    let (log, rehearses) = (order.log.clone(), order.rehearsal.is_some());
    Box::new(move |pulse| match dice.throw(0, pulse) {
        Verdict::Inject => {
            if let Some(log) = &log {
                log.tell(0, pulse);
            }
            if rehearses {
                Decision::Rehearse
            } else {
                Decision::Inject
            }
        }
        Verdict::Pass => Decision::Pass,
        Verdict::Outside => Decision::Outside,
        Verdict::Expired => Decision::Expired,
    })
}
