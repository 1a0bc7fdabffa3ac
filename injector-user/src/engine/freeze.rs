//! Freezes: the loop that pulses has the engine's plan, dice and log.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use injector_core::fault::process::Freeze as Asked;
use injector_core::fault::{Action, FaultSpec};
use injector_core::plan::{Hierarchy, Hook, Plan, Who};
use injector_core::target::Selector;

use super::dice::{Dice, Verdict};
use super::freezes::Freezes;
use super::running::{Effect, Order, Running};
use super::state::{Engine, failed, refused};
use crate::clock::monotonic_ns;
use crate::freezer::{Decision, Flavour, Freeze, Freezer, Pulses, Train};
use crate::protocol::Failure;
use crate::safety::undo::Cause;
use crate::safety::{Permit, Protection};
use crate::target;

impl Engine {
    /// Starts the pulses of a planned freeze, at each of its cgroups.
    pub(super) fn freeze(
        &mut self,
        order: &Order,
        asked: &Asked,
        permit: Permit,
    ) -> Result<Effect, Failure> {
        let train = Train {
            delay: order.delay(),
            active: asked.active,
            dormant: asked.dormant.unwrap_or_default(),
            count: asked.count,
            duration: order.lasts(),
        };
        let mut freezes = Freezes::new(Dice::new(&order.spec, order.seed));
        let mut given = Some(permit);
        for (stream, hook) in (0..).zip(&order.plan.hooks) {
            let permit = match given.take() {
                Some(permit) => permit,
                None => self.permit(&order.plan)?,
            };
            // Those that were started before end with this value.
            self.pulses(order, train, hook, stream, &mut freezes, permit)?;
        }
        Ok(Effect::Freeze(freezes))
    }

    /// Goes on with a freeze where its target is now, for the time that is left.
    pub(super) fn freeze_anew(
        &mut self,
        running: &mut Running,
        plan: &Plan,
    ) -> Result<(), Failure> {
        let left_ns = running.window.deadline_ns.saturating_sub(monotonic_ns());
        let left = Duration::from_nanos(left_ns);
        let order = Order {
            plan: plan.clone(),
            rehearsal: running.rehearsing.then_some(left),
            ..running.order()
        };
        let Action::ProcessFreeze(asked) = &order.spec.action else {
            return Ok(());
        };
        let Effect::Freeze(freezes) = &mut running.effect else {
            return Ok(());
        };
        freezes.collect(true);
        freezes.leave(&plan.hooks);
        let done = u32::try_from(freezes.pulses_before()).unwrap_or(u32::MAX);
        let train = Train {
            delay: Duration::ZERO,
            active: asked.active,
            dormant: asked.dormant.unwrap_or_default(),
            count: asked.count.map(|count| count.saturating_sub(done)),
            duration: left,
        };
        for (stream, hook) in (0..).zip(&plan.hooks) {
            if !freezes.is_at(hook) {
                let permit = self.permit(plan)?;
                self.pulses(&order, train, hook, stream, freezes, permit)?;
            }
        }
        Ok(())
    }

    fn pulses(
        &self,
        order: &Order,
        train: Train,
        hook: &Hook,
        stream: u64,
        freezes: &mut Freezes,
        permit: Permit,
    ) -> Result<(), Failure> {
        let freeze = Freeze {
            freezer: freezer(hook)?,
            train,
            cause: Cause {
                fault: Some(order.id.clone()),
                owner: order.spec.common.owner.clone(),
            },
            is_target: is_target(&order.spec, &order.plan, &self.protection),
            decide: decision(order, freezes.dice(), stream, freezes.pulses_before()),
            ended: Box::new(|_ending| {}),
        };
        let pulses = Pulses::start(permit, &self.keeper, &self.log, freeze);
        freezes.add(hook.clone(), pulses.map_err(|error| failed(&error))?);
        Ok(())
    }
}

/// Of the cgroup that a hook names.
fn freezer(hook: &Hook) -> Result<Freezer, Failure> {
    let Hook::Freezer {
        hierarchy, path, ..
    } = hook
    else {
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

/// The planned processes and what they have started since; in a cgroup that was named itself, all
/// that have joined it but protected ones.
fn is_target(
    spec: &FaultSpec,
    plan: &Plan,
    protection: &Protection,
) -> Box<dyn Fn(i32) -> bool + Send> {
    let planned: BTreeSet<i32> = plan
        .who
        .iter()
        .filter_map(|who| match who {
            Who::Process { pid, .. } => Some(*pid),
            Who::Interface { .. } => None,
        })
        .collect();
    let by_cgroup = matches!(
        spec.target,
        Selector::Cgroup(_) | Selector::Container(_) | Selector::Unit(_)
    );
    let protection = protection.clone();
    Box::new(move |pid| {
        target::descends_from(pid, &planned) || (by_cgroup && protection.look_up(pid).is_none())
    })
}

/// The same decisions as in the kernel, with the pulse's number for the index of the hit, counted on
/// from `before`, and the cgroup's for the stream.
fn decision(
    order: &Order,
    dice: Arc<Mutex<Dice>>,
    stream: u64,
    before: u64,
) -> Box<dyn FnMut(u64) -> Decision + Send> {
    let (log, rehearses) = (order.log.clone(), order.rehearsal.is_some());
    Box::new(move |pulse| {
        let pulse = pulse + before;
        // They are whole between any two throws.
        let mut all = dice.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = all.throw(stream, pulse);
        drop(all);
        match verdict {
            Verdict::Inject => {
                if let Some(log) = &log {
                    log.tell(stream, pulse);
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
        }
    })
}
