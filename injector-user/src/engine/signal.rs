//! Signals: the loop that sends them has the engine's plan, dice and log.

use injector_core::fault::process::Volleys;

use super::dice::{Dice, Verdict};
use super::running::{Effect, Order};
use super::state::{Engine, failed};
use crate::protocol::Failure;
use crate::safety::Permit;
use crate::safety::undo::Cause;
use crate::signals::{Choice, Order as Sending, Schedule, Signals, Targets};

impl Engine {
    /// Starts the rounds of planned signals.
    pub(super) fn signal(
        &mut self,
        order: &Order,
        asked: &Volleys,
        permit: Permit,
    ) -> Result<Effect, Failure> {
        let protection = self.protection.clone();
        let volleys = Sending {
            signal: asked.signal,
            targets: Targets::of(&order.plan),
            returns: order.spec.target.is_restartable(),
            schedule: Schedule {
                delay: order.delay(),
                interval: asked.interval,
                rounds: asked.rounds(),
                stagger: asked.stagger,
                duration: order.lasts(),
            },
            rehearses: order.rehearsal.is_some(),
            cause: Cause {
                fault: Some(order.id.clone()),
                owner: order.spec.common.owner.clone(),
            },
            is_protected: Box::new(move |pid| protection.look_up(pid).is_some()),
            choose: choice(order),
            told: teller(order),
        };
        Signals::start(permit, &self.keeper, &self.log, volleys)
            .map(Effect::Signals)
            .map_err(|error| failed(&error))
    }
}

fn choice(order: &Order) -> Box<dyn FnMut(u64, u64) -> Choice + Send> {
    let mut dice = Dice::new(&order.spec, order.seed);
    let send = match order.rehearsal {
        Some(_) => Choice::Rehearse,
        None => Choice::Send,
    };
    Box::new(move |stream, round| match dice.throw(stream, round) {
        Verdict::Inject => send,
        Verdict::Pass => Choice::Pass,
        Verdict::Outside => Choice::Outside,
        Verdict::Expired => Choice::Expired,
    })
}

fn teller(order: &Order) -> Box<dyn FnMut(u64, u64) + Send> {
    let log = order.log.clone();
    Box::new(move |stream, round| {
        if let Some(log) = &log {
            log.tell(stream, round);
        }
    })
}
