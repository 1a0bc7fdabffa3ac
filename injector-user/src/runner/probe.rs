//! Asking a provider, and judging the answer.

use injector_core::experiment::tolerance::{Finding, Tolerance, truthy};
use injector_core::experiment::{
    Activity, Arguments, Metric, Probe, Provider, Temblor, python_text,
};
use serde_json::Value;

use super::call::{call_http, call_process};
use super::clock::milliseconds;
use super::event::{Event, Measured};
use super::faults::{FaultError, Faults};
use super::halt::Halt;
use super::run::Run;

/// What became of a call: an answer, or why there is none.
pub(super) type Answer = Result<Value, String>;

/// What a probe with a tolerance found.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) answer: Answer,
    /// Why it is not met.
    pub(super) unmet: Option<String>,
}

impl<F: Faults> Run<F> {
    /// Does what the provider does.
    pub(super) async fn call(&self, activity: &Activity) -> Answer {
        match &activity.provider {
            Provider::Http(http) => call_http(http.clone()).await.map_err(|error| chain(&error)),
            Provider::Process(process) => {
                call_process(process).await.map_err(|error| chain(&error))
            }
            Provider::Temblor(Temblor::Arm { fault, wait }) => {
                let armed = self.ledger.arm(&activity.name, fault).await;
                if armed.is_ok() && *wait {
                    self.ledger.wait(&activity.name).await;
                }
                armed
                    .map(|plan| {
                        plan.get("mechanism")
                            .and_then(Value::as_str)
                            .map_or(plan.clone(), |by| format!("armed, by {by}").into())
                    })
                    .map_err(|error| self.halt_for(&activity.name, &error))
            }
            Provider::Temblor(Temblor::Stop { name }) => {
                let any = self.ledger.stop(name).await;
                Ok(Value::String(
                    if any { "stopped" } else { "was not armed" }.to_owned(),
                ))
            }
            Provider::Temblor(Temblor::Metric(metric)) => {
                self.metric(metric).await.map_err(|error| error.told())
            }
        }
    }

    async fn metric(&self, metric: &Metric) -> Result<Value, FaultError> {
        let number = self.ledger.measure(&metric.fault, metric.measure).await?;
        // A whole number must equal the integer of a tolerance, and be charted as one.
        Ok(Value::from(number))
    }

    /// Without its fault an experiment tests nothing.
    fn halt_for(&self, name: &str, error: &FaultError) -> String {
        let (name, message) = (name.to_owned(), error.told());
        self.halter.halt(Halt::Fault {
            name,
            class: error.class,
            message: message.clone(),
        });
        message
    }

    /// Asks a probe, judges its answer and puts the sample on record.
    pub(super) async fn sample(&self, probe: &Probe) -> Judged {
        let began = self.clock.elapsed();
        let answer = self.call(&probe.activity).await;
        let took = self.clock.elapsed().saturating_sub(began);
        let unmet = match &answer {
            Ok(value) => self.unmet(&probe.tolerance, value).await,
            Err(why) => Some(why.clone()),
        };
        self.events.tell(Event::Sample(Measured {
            probe: probe.activity.name.clone(),
            at_ms: milliseconds(began),
            took_ms: milliseconds(took),
            number: answer
                .as_ref()
                .ok()
                .and_then(|value| probe.tolerance.measured(value)),
            answered: answer.is_ok(),
            met: unmet.is_none(),
            bounds: probe.tolerance.bounds(),
        }));
        Judged { answer, unmet }
    }

    async fn unmet(&self, tolerance: &Tolerance, value: &Value) -> Option<String> {
        match tolerance.check(value) {
            Finding::Met => None,
            Finding::NotMet { reason } => Some(reason),
            Finding::Ask(mut probe) => {
                if !give_value(&mut probe.provider, value) {
                    return Some(format!(
                        "`{}` has no arguments to take the value",
                        probe.name
                    ));
                }
                match Box::pin(self.call(&probe)).await {
                    Ok(answer) if truthy(&answer) => None,
                    Ok(answer) => Some(format!("`{}` answered {answer}", probe.name)),
                    Err(why) => Some(why),
                }
            }
        }
    }
}

/// Adds the argument `value`, as the toolkit does. Whether there are arguments to add it to.
fn give_value(provider: &mut Provider, value: &Value) -> bool {
    match provider {
        Provider::Http(http) => match &mut http.arguments {
            Some(Value::Object(arguments)) => {
                arguments.insert("value".to_owned(), value.clone());
                true
            }
            _ => false,
        },
        Provider::Process(process) => match &mut process.arguments {
            Arguments::Named(pairs) => {
                pairs.retain(|(name, _)| name != "value");
                pairs.push(("value".to_owned(), python_text(value)));
                true
            }
            Arguments::List(_) | Arguments::Shell(_) => false,
        },
        Provider::Temblor(_) => false,
    }
}

/// An error with everything that caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
