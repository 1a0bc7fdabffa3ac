//! Signals: the loop that sends them has the engine's plan, dice and log.

use injector_core::fault::FaultSpec;
use injector_core::fault::process::Volleys;
use injector_core::plan::Plan;

use super::dice::{Dice, Verdict};
use super::running::Effect;
use super::state::{Engine, failed};
use crate::protocol::Failure;
use crate::safety::Permit;
use crate::safety::undo::Cause;
use crate::signals::{Choice, Order, Schedule, Signals, Targets};

impl Engine {
    /// Starts the rounds of planned signals.
    pub(super) fn signal(
        &mut self,
        id: &str,
        spec: &FaultSpec,
        plan: &Plan,
        asked: &Volleys,
        seed: u64,
        permit: Permit,
    ) -> Result<Effect, Failure> {
        let protection = self.protection.clone();
        let order = Order {
            signal: asked.signal,
            targets: Targets::of(plan),
            schedule: Schedule {
                delay: spec.common.delay,
                interval: asked.interval,
                rounds: asked.rounds(),
                stagger: asked.stagger,
                duration: spec.common.duration,
            },
            cause: Cause {
                fault: Some(id.to_owned()),
                owner: spec.common.owner.clone(),
            },
            is_protected: Box::new(move |pid| protection.look_up(pid).is_some()),
            choose: choice(Dice::new(spec, seed)),
            told: Box::new(|_stream, _round| {}),
        };
        Signals::start(permit, &self.keeper, &self.log, order)
            .map(Effect::Signals)
            .map_err(|error| failed(&error))
    }
}

fn choice(mut dice: Dice) -> Box<dyn FnMut(u64, u64) -> Choice + Send> {
    Box::new(move |stream, round| match dice.throw(stream, round) {
        Verdict::Inject => Choice::Send,
        Verdict::Pass => Choice::Pass,
        Verdict::Outside => Choice::Outside,
        Verdict::Expired => Choice::Expired,
    })
}
