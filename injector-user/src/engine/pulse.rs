//! Pulses: the loop that imposes a freeze or a limit has the engine's plan, dice and log.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use injector_core::fault::{self, Action, FaultSpec};
use injector_core::plan::{Hierarchy, Hook, Plan, Who};
use injector_core::target::Selector;

use super::dice::{Dice, Verdict};
use super::running::{Effect, Order, Running};
use super::state::{Engine, failed, refused};
use super::trains::Trains;
use crate::clock::monotonic_ns;
use crate::freezer::{Flavour, Freezer};
use crate::limits::{Limiter, Place};
use crate::protocol::Failure;
use crate::pulses::{Condition, Decision, Pulses, Pulsing, Train};
use crate::safety::undo::Cause;
use crate::safety::{Permit, Protection};
use crate::target;

impl Engine {
    /// Starts the pulses of a planned freeze or limit, at each of its cgroups.
    pub(super) fn pulse(&mut self, order: &Order, permit: Permit) -> Result<Effect, Failure> {
        let train = Train {
            delay: order.delay(),
            ..train(&order.spec, order.lasts(), 0)
        };
        let mut trains = Trains::new(Dice::new(&order.spec, order.seed));
        let mut given = Some(permit);
        for (stream, hook) in (0..).zip(&order.plan.hooks) {
            let permit = match given.take() {
                Some(permit) => permit,
                None => self.permit(&order.plan)?,
            };
            // Those that were started before end with this value.
            self.pulses(order, train, hook, stream, &mut trains, permit)?;
        }
        Ok(Effect::Pulses(trains))
    }

    /// Goes on with pulses where their target is now, for the time that is left.
    pub(super) fn pulse_anew(&mut self, running: &mut Running, plan: &Plan) -> Result<(), Failure> {
        let left_ns = running.window.deadline_ns.saturating_sub(monotonic_ns());
        let left = Duration::from_nanos(left_ns);
        let order = Order {
            plan: plan.clone(),
            rehearsal: running.rehearsing.then_some(left),
            ..running.order()
        };
        let Effect::Pulses(trains) = &mut running.effect else {
            return Ok(());
        };
        trains.collect(true);
        trains.leave(&plan.hooks);
        let done = u32::try_from(trains.pulses_before()).unwrap_or(u32::MAX);
        let train = train(&order.spec, left, done);
        for (stream, hook) in (0..).zip(&plan.hooks) {
            if !trains.is_at(hook) {
                let permit = self.permit(plan)?;
                self.pulses(&order, train, hook, stream, trains, permit)?;
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
        trains: &mut Trains,
        permit: Permit,
    ) -> Result<(), Failure> {
        let pulsing = Pulsing {
            condition: condition(hook)?,
            train,
            cause: Cause {
                fault: Some(order.id.clone()),
                owner: order.spec.common.owner.clone(),
            },
            is_target: is_target(&order.spec, &order.plan, &self.protection),
            decide: decision(order, trains.dice(), stream, trains.pulses_before()),
            ended: Box::new(|_ending| {}),
        };
        let pulses = Pulses::start(permit, &self.keeper, &self.log, pulsing);
        trains.add(hook.clone(), pulses.map_err(|error| failed(&error))?);
        Ok(())
    }
}

/// When to impose it, in the time that is `left`, after so many pulses were `done` elsewhere.
fn train(spec: &FaultSpec, left: Duration, done: u32) -> Train {
    let asked = match &spec.action {
        Action::ProcessFreeze(pulses) => Some(*pulses),
        Action::Limit(limit) => limit.pulses,
        _without_pulses => None,
    };
    // One that has no pulses of its own begins anew wherever its target is.
    let whole = fault::Pulses {
        active: left,
        dormant: None,
        count: Some(done.saturating_add(1)),
    };
    let fault::Pulses {
        active,
        dormant,
        count,
    } = asked.unwrap_or(whole);
    Train {
        delay: Duration::ZERO,
        active,
        dormant: dormant.unwrap_or_default(),
        count: count.map(|count| count.saturating_sub(done)),
        duration: left,
    }
}

/// What a hook names.
fn condition(hook: &Hook) -> Result<Box<dyn Condition>, Failure> {
    match hook {
        Hook::Freezer {
            hierarchy, path, ..
        } => {
            let flavour = match hierarchy {
                Hierarchy::V2 => Flavour::V2,
                Hierarchy::V1Freezer | Hierarchy::V1Other(_) => Flavour::V1,
            };
            let freezer = Freezer::open(flavour, &folder(hierarchy, path)?);
            Ok(Box::new(freezer.map_err(|error| failed(&error))?))
        }
        Hook::Setting {
            hierarchy,
            path,
            id,
            file,
            key,
            before,
            during,
        } => {
            let limiter = Limiter::open(Place {
                folder: folder(hierarchy, path)?,
                inode: *id,
                file: file.clone(),
                key: key.clone(),
                before: before.clone(),
                during: during.clone(),
            });
            Ok(Box::new(limiter.map_err(|error| failed(&error))?))
        }
        _without_pulses => Err(refused(
            "the plan names no cgroup to act on",
            Some("this is a bug: please report it"),
        )),
    }
}

fn folder(hierarchy: &Hierarchy, path: &str) -> Result<PathBuf, Failure> {
    target::folder(hierarchy, path).ok_or_else(|| {
        refused(
            format!("cgroup `{path}` is not mounted here"),
            Some("mount its hierarchy in the engine's mount namespace"),
        )
    })
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
