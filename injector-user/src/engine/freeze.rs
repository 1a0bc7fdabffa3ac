//! Freezes: the loop that pulses has the engine's plan, dice and log.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use injector_core::decide;
use injector_core::fault::process::Freeze as Asked;
use injector_core::fault::{Action, FaultSpec};
use injector_core::plan::{Hierarchy, Hook, Plan, Who};
use injector_core::target::Selector;
use injector_core::units::When;

use super::freezes::{Freezes, take};
use super::running::{Effect, Running};
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
        id: &str,
        spec: &FaultSpec,
        plan: &Plan,
        asked: &Asked,
        seed: u64,
    ) -> Result<Effect, Failure> {
        let train = Train {
            delay: spec.common.delay,
            active: asked.active,
            dormant: asked.dormant.unwrap_or_default(),
            count: asked.count,
            duration: spec.common.duration,
        };
        let mut freezes = Freezes::default();
        let asking = Asking {
            id,
            spec,
            plan,
            seed,
            train,
        };
        for (stream, hook) in (0..).zip(&plan.hooks) {
            let permit = self.permit(plan)?;
            // Those that were started before end with this value.
            self.pulses(&asking, hook, stream, &mut freezes, permit)?;
        }
        Ok(Effect::Freeze(freezes))
    }

    /// Goes on with a freeze where its target is now, for the time that is left.
    pub(super) fn freeze_anew(
        &mut self,
        running: &mut Running,
        plan: &Plan,
    ) -> Result<(), Failure> {
        let Action::ProcessFreeze(asked) = &running.spec.action else {
            return Ok(());
        };
        let Effect::Freeze(freezes) = &mut running.effect else {
            return Ok(());
        };
        freezes.collect(true);
        freezes.leave(&plan.hooks);
        let left_ns = running.window.deadline_ns.saturating_sub(monotonic_ns());
        let done = u32::try_from(freezes.pulses_before()).unwrap_or(u32::MAX);
        let train = Train {
            delay: Duration::ZERO,
            active: asked.active,
            dormant: asked.dormant.unwrap_or_default(),
            count: asked.count.map(|count| count.saturating_sub(done)),
            duration: Duration::from_nanos(left_ns),
        };
        let asking = Asking {
            id: &running.id,
            spec: &running.spec,
            plan,
            seed: running.seed,
            train,
        };
        for (stream, hook) in (0..).zip(&plan.hooks) {
            if !freezes.is_at(hook) {
                let permit = self.permit(plan)?;
                self.pulses(&asking, hook, stream, freezes, permit)?;
            }
        }
        Ok(())
    }

    fn pulses(
        &self,
        asking: &Asking<'_>,
        hook: &Hook,
        stream: u64,
        freezes: &mut Freezes,
        permit: Permit,
    ) -> Result<(), Failure> {
        let &Asking {
            id,
            spec,
            plan,
            seed,
            train,
        } = asking;
        let dice = Dice {
            when: spec.common.when,
            threshold: spec.common.probability.threshold(),
            max_hits: spec.common.max_hits,
            seed,
            stream,
            before: freezes.pulses_before(),
            injected: freezes.injected(),
        };
        let freeze = Freeze {
            freezer: freezer(hook)?,
            train,
            cause: Cause {
                fault: Some(id.to_owned()),
                owner: spec.common.owner.clone(),
            },
            is_target: is_target(spec, plan, &self.protection),
            decide: Box::new(move |pulse| dice.decide(pulse)),
            ended: Box::new(|_ending| {}),
        };
        let pulses = Pulses::start(permit, &self.keeper, &self.log, freeze);
        freezes.add(hook.clone(), pulses.map_err(|error| failed(&error))?);
        Ok(())
    }
}

/// What the pulses of one fault have in common.
#[derive(Clone, Copy, Debug)]
struct Asking<'a> {
    id: &'a str,
    spec: &'a FaultSpec,
    plan: &'a Plan,
    seed: u64,
    train: Train,
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

/// The same decisions as in the kernel, with the pulse's number for the index of the hit and the
/// cgroup's for the stream.
#[derive(Debug)]
struct Dice {
    when: When,
    threshold: u64,
    max_hits: Option<u64>,
    seed: u64,
    stream: u64,
    /// Pulses at the cgroup whose place this one takes.
    before: u64,
    /// Of all cgroups together.
    injected: Arc<AtomicU64>,
}

impl Dice {
    fn decide(&self, pulse: u64) -> Decision {
        let pulse = pulse + self.before;
        let spent = |most| self.injected.load(Ordering::SeqCst) >= most;
        if self.max_hits.is_some_and(spent) {
            Decision::Expired
        } else if !self.when.includes(pulse) {
            Decision::Outside
        } else if !decide::injects(self.seed, self.stream, pulse, self.threshold) {
            Decision::Pass
        } else if take(&self.injected, self.max_hits) {
            Decision::Inject
        } else {
            Decision::Expired
        }
    }
}
