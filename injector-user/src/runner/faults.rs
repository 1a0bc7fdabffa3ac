//! What the runner needs of an engine, and nothing else of it.

use std::future::Future;
use std::time::Duration;

use injector_core::experiment::Observation;
use injector_core::fault::FaultSpec;
use injector_core::proof::Counters;
use injector_core::report::{EndReason, Felt, Undo};
use injector_core::telemetry::{Answer, Expression, FaultTimes, Frame};
use serde_json::Value;
use thiserror::Error;

/// Arms faults, and tells what they did and what targets feel. Faults belong to who armed them: when it goes, they end.
pub trait Faults: Send + Sync + 'static {
    /// What would be done, without doing it.
    fn plan(&self, fault: &FaultSpec) -> impl Future<Output = Result<Value, FaultError>> + Send;

    /// Arms a fault; it acts when this returns, unless a delay was asked for.
    fn arm(
        &self,
        name: &str,
        fault: &FaultSpec,
    ) -> impl Future<Output = Result<Armed, FaultError>> + Send;

    /// What a fault has done so far, also after it ended.
    fn snapshot(&self, id: &str) -> impl Future<Output = Result<Snapshot, FaultError>> + Send;

    /// Ends a fault, puts back what it changed and looks whether it is back. Stopping one that has
    /// ended tells how it ended.
    fn stop(&self, id: &str) -> impl Future<Output = Result<Snapshot, FaultError>> + Send;

    /// Lets no fault of this client act from when it returns. They still have to be stopped; what is
    /// armed afterwards acts.
    fn kill(&self) -> impl Future<Output = Result<(), FaultError>> + Send;

    /// Observes targets until this is dropped; from which moment on, in monotonic nanoseconds.
    fn observe(
        &self,
        observation: &Observation,
    ) -> impl Future<Output = Result<u64, FaultError>> + Send;

    /// What was observed says of this now; what is not known is no data.
    fn ask(&self, question: &Expression)
    -> impl Future<Output = Result<Answer, FaultError>> + Send;

    /// What was observed from this moment on, in monotonic nanoseconds, oldest first: as much as there is
    /// room for in one answer, and nothing if there is nothing newer.
    fn frames(&self, from_ns: u64) -> impl Future<Output = Result<Vec<Frame>, FaultError>> + Send;
}

/// No engine is needed for an experiment without faults; one with faults is told that it has none.
impl<F: Faults> Faults for Option<F> {
    async fn plan(&self, fault: &FaultSpec) -> Result<Value, FaultError> {
        there(self.as_ref())?.plan(fault).await
    }

    async fn arm(&self, name: &str, fault: &FaultSpec) -> Result<Armed, FaultError> {
        there(self.as_ref())?.arm(name, fault).await
    }

    async fn snapshot(&self, id: &str) -> Result<Snapshot, FaultError> {
        there(self.as_ref())?.snapshot(id).await
    }

    async fn stop(&self, id: &str) -> Result<Snapshot, FaultError> {
        there(self.as_ref())?.stop(id).await
    }

    async fn kill(&self) -> Result<(), FaultError> {
        there(self.as_ref())?.kill().await
    }

    async fn observe(&self, observation: &Observation) -> Result<u64, FaultError> {
        there(self.as_ref())?.observe(observation).await
    }

    async fn ask(&self, question: &Expression) -> Result<Answer, FaultError> {
        there(self.as_ref())?.ask(question).await
    }

    async fn frames(&self, from_ns: u64) -> Result<Vec<Frame>, FaultError> {
        there(self.as_ref())?.frames(from_ns).await
    }
}

fn there<F>(engine: Option<&F>) -> Result<&F, FaultError> {
    let missing = || FaultError::new(FaultErrorClass::Failed, "there is no engine");
    engine.ok_or_else(missing)
}

/// A fault that was armed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    /// By which it is stopped.
    pub id: String,
    /// What is done.
    pub plan: Value,
    /// What the dice come from, if the engine drew it.
    pub seed: Option<u64>,
}

/// What is known of a fault.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// What the kernel counted.
    pub counters: Counters,
    /// What the target felt, where that can be measured.
    pub felt: Option<Felt>,
    /// How it ended; absent while it is armed.
    pub end: Option<End>,
    /// When it did what, if that is known.
    pub times: Option<FaultTimes>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// How a fault ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// From arming to its end.
    pub after: Duration,
    /// Whether the host is as it was.
    pub undo: Undo,
}

/// Why something was not done with a fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct FaultError {
    /// Whose fault it is; decides the verdict.
    pub class: FaultErrorClass,
    /// Lower case, without a full stop.
    pub message: String,
    /// What would serve instead.
    pub hint: Option<String>,
}

/// Whose fault it is that something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultErrorClass {
    /// The request does not fit this host: its target is not there, or there are too many.
    Input,
    /// The request is clear and is not done, here or now.
    Refused,
    /// It was tried and failed, or the engine is gone; nothing is left of it.
    Failed,
    /// Something could not be put back.
    UndoIncomplete,
}

impl FaultError {
    /// An error without a hint.
    pub fn new(class: FaultErrorClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            hint: None,
        }
    }

    /// The message, and the hint behind it.
    pub(super) fn told(&self) -> String {
        self.hint.as_ref().map_or_else(
            || self.message.clone(),
            |hint| format!("{} ({hint})", self.message),
        )
    }
}
