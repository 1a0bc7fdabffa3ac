//! Looking at targets: from before the first look at the hypothesis on.

use injector_core::target::Selector;
use injector_core::telemetry::{Answer, Claim, Expression, Measured};
use serde_json::Value;

use super::event::Event;
use super::faults::{FaultError, Faults};
use super::halt::Halt;
use super::probe::{Told, Unanswered};
use super::run::Run;

impl<F: Faults> Run<F> {
    /// Begins to look, if the experiment needs it, and waits as long as its first look goes back. What
    /// cannot be looked at halts the run: nothing could be judged.
    pub(super) async fn observe(&self) {
        let Some(observation) = self.experiment.observation() else {
            return;
        };
        let since = self.clock.elapsed();
        match self.ledger.faults().observe(&observation).await {
            Ok(from_ns) => {
                self.begin_to_observe(from_ns, since);
                self.events.tell(Event::Observing(observation.to_string()));
                let settled = tokio::time::sleep(observation.before);
                let _halted = self.unless_halted(settled).await;
            }
            Err(error) => self.halter.halt(Halt::Observing {
                class: error.class,
                message: error.told(),
            }),
        }
    }

    /// Asks what targets feel. A target that is gone feels nothing, which must not pass for being well.
    pub(super) async fn claim(&self, claim: &Claim) -> Result<Told, Unanswered> {
        let failed = |error: FaultError| Unanswered::Failed(error.told());
        let answer = self.ledger.faults().ask(&claim.expression).await;
        let measured = match answer.map_err(failed)? {
            Answer::Measured(measured) => measured,
            Answer::NoData(missing) => return Err(Unanswered::NoData(missing.to_string())),
        };
        for target in claim.expression.targets().unwrap_or_default() {
            if !asks_of_presence(claim) && self.is_gone(&target).await.map_err(failed)? {
                return Err(Unanswered::Failed(format!("`{target}` is not there")));
            }
        }
        Ok(tell(claim, &measured))
    }

    async fn is_gone(&self, target: &Selector) -> Result<bool, FaultError> {
        let Ok(question) = presence(target) else {
            return Ok(false);
        };
        let answer = self.ledger.faults().ask(&question).await?;
        Ok(matches!(answer, Answer::Measured(measured) if measured.value < 0.5))
    }
}

fn tell(claim: &Claim, measured: &Measured) -> Told {
    let Some(bound) = &claim.bound else {
        return Told {
            value: Value::from(measured.value),
            ..Told::default()
        };
    };
    let holds = bound.holds(measured.value);
    let side = if holds { "is" } else { "is not" };
    Told {
        value: Value::from(holds),
        number: Some(measured.value),
        bounds: bound.interval(),
        words: Some(format!(
            "{} is {measured}, which {side} {bound}",
            claim.expression
        )),
    }
}

fn asks_of_presence(claim: &Claim) -> bool {
    claim.expression.signals().is_empty()
}

/// Whether a target is there, by the newest frame.
fn presence(target: &Selector) -> Result<Expression, injector_core::problem::Invalid> {
    let label = Value::from(target.to_string());
    format!("now target_present where target={label}").parse()
}
