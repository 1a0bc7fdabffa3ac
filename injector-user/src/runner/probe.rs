//! Asking a provider, and judging the answer.

use std::fmt;

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
pub(super) type Answer = Result<Told, Unanswered>;

/// An answer.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) value: Value,
    /// What the value was made of, where it is none itself.
    pub(super) number: Option<f64>,
    /// Between what that is to be.
    pub(super) bounds: Option<(f64, f64)>,
    /// Where the value alone says too little.
    pub(super) words: Option<String>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    Failed(String),
    /// Nobody knows what targets feel, as nothing happened, or not for long enough.
    NoData(String),
}

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
        let answer = match &activity.provider {
            Provider::Temblor(Temblor::Claim(claim)) => return self.claim(claim).await,
            Provider::Http(http) => call_http(http.clone()).await.map_err(|error| chain(&error)),
            Provider::Process(process) => {
                let answer = call_process(process, &self.environment).await;
                answer.map_err(|error| chain(&error))
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
        };
        answer.map(Told::from).map_err(Unanswered::Failed)
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
            Ok(told) => self.unmet(&probe.tolerance, told).await,
            Err(why) => Some(why.to_string()),
        };
        let told = answer.as_ref().ok();
        let measured = |told: &Told| {
            told.number
                .or_else(|| probe.tolerance.measured(&told.value))
        };
        let bounds = told.and_then(|told| told.bounds);
        self.events.tell(Event::Sample(Measured {
            probe: probe.activity.name.clone(),
            at_ms: milliseconds(began),
            took_ms: milliseconds(took),
            number: told.and_then(measured),
            answered: answer.is_ok(),
            met: unmet.is_none(),
            bounds: bounds.or_else(|| probe.tolerance.bounds()),
        }));
        Judged { answer, unmet }
    }

    async fn unmet(&self, tolerance: &Tolerance, told: &Told) -> Option<String> {
        match tolerance.check(&told.value) {
            Finding::Met => None,
            Finding::NotMet { reason } => Some(told.words.clone().unwrap_or(reason)),
            Finding::Ask(mut probe) => {
                if !give_value(&mut probe.provider, &told.value) {
                    return Some(format!(
                        "`{}` has no arguments to take the value",
                        probe.name
                    ));
                }
                match Box::pin(self.call(&probe)).await {
                    Ok(told) if truthy(&told.value) => None,
                    Ok(told) => Some(format!("`{}` answered {}", probe.name, told.value)),
                    Err(why) => Some(why.to_string()),
                }
            }
        }
    }
}

impl Judged {
    /// Of a probe that a dry run leaves out.
    pub(super) fn unasked() -> Self {
        Self {
            answer: Ok(Told::default()),
            unmet: None,
        }
    }

    /// Whether nothing can be said for or against it.
    pub(super) fn is_without_data(&self) -> bool {
        matches!(self.answer, Err(Unanswered::NoData(_)))
    }
}

impl From<Value> for Told {
    fn from(value: Value) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => out.write_str(why),
            Self::NoData(why) => write!(out, "no data: {why}"),
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
