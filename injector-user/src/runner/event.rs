//! What happened, told by whoever did it to whoever writes the report, and to whoever watches.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use injector_core::experiment::Secrets;
use injector_core::report::{
    ActivityKind, ActivityRecord, Breach, FaultRecord, HypothesisResult, Phase,
};
use injector_core::safety::Transition;
use serde_json::Value;
use tokio::sync::mpsc;

use super::clock::Clock;
use super::redact::redacted_event;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// An activity of the method or of the rollbacks begins.
    Begun {
        phase: Phase,
        kind: ActivityKind,
        name: String,
        background: bool,
        /// As it was written.
        source: Arc<Value>,
    },
    /// An activity is over; told of the probes of the hypothesis too.
    Activity(Box<Performed>),
    /// The run waits before or after an activity.
    Pause {
        name: String,
        side: Side,
        duration: Duration,
    },
    /// Targets are being looked at.
    Observing(String),
    /// The hypothesis was checked, before or after the method.
    Hypothesis {
        phase: Phase,
        result: HypothesisResult,
        probes: Vec<Performed>,
    },
    /// The hypothesis was checked while the method runs.
    During {
        met: bool,
        at_ms: f64,
        probes: Vec<Performed>,
    },
    /// A probe was asked.
    Sample(Measured),
    /// A fault is armed.
    Armed {
        name: String,
        /// Such as `net.delay`.
        kind: String,
        target: String,
        /// With the delay before it.
        at_most: Duration,
    },
    /// The kill switch was used: no fault of the run acts any more.
    Killed,
    /// A fault has ended, or was not armed.
    Fault(Box<FaultRecord>),
    /// A breaker changed its state.
    Transition {
        breaker: String,
        transition: Transition,
    },
    /// A breaker took a sample.
    BreakerSample { breaker: String, good: bool },
    /// Everything that an opening breaker does is done.
    Breach(Breach),
    /// What the reader of the report should know besides.
    Warning(String),
    /// It is over; why before its end, if so.
    Over(Option<Cut>),
}

/// An activity that is over.
#[derive(Debug, Clone)]
pub struct Performed {
    pub record: ActivityRecord,
    /// As it was written.
    pub source: Arc<Value>,
    /// All that it answered.
    pub output: Value,
    /// Of a probe of the hypothesis: whether its answer is tolerated.
    pub met: Option<bool>,
}

/// What ended a run before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Person,
    Breaker,
    /// The hypothesis did not hold while the method ran.
    FailFast,
    /// A fault could not be armed, or nobody could be observed.
    Fault,
}

/// On which side of an activity a pause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// One sample of a probe.
#[derive(Debug, Clone)]
pub struct Measured {
    pub probe: String,
    pub at_ms: f64,
    pub took_ms: f64,
    /// What the tolerance looks at, if that is a number.
    pub number: Option<f64>,
    pub answered: bool,
    pub met: bool,
    pub bounds: Option<(f64, f64)>,
}

/// An event and when it was told, since the run began.
#[derive(Debug, Clone)]
pub struct Happened {
    pub at: Duration,
    pub event: Event,
}

/// Somebody who is told what happens before anything else does.
pub trait Watch: fmt::Debug + Send + Sync {
    /// Takes it down, in no more time than a line of a file takes to write.
    fn note(&self, happened: Happened);
}

/// Where events go. Losing the other end only happens when the run is over.
#[derive(Debug, Clone)]
pub(super) struct Events {
    report: mpsc::UnboundedSender<Event>,
    watcher: Option<Watcher>,
}

/// Somebody who follows the run, and must not learn its secrets.
#[derive(Debug, Clone)]
struct Watcher {
    watch: Arc<dyn Watch>,
    clock: Clock,
    secrets: Secrets,
}

impl Events {
    /// A place to send to, and the other end.
    pub(super) fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (report, receiver) = mpsc::unbounded_channel();
        let events = Self {
            report,
            watcher: None,
        };
        (events, receiver)
    }

    /// Tells from now on also this watcher, without the secrets.
    pub(super) fn watched(
        self,
        watch: Option<Arc<dyn Watch>>,
        clock: Clock,
        secrets: Secrets,
    ) -> Self {
        let watcher = watch.map(|watch| Watcher {
            watch,
            clock,
            secrets,
        });
        Self { watcher, ..self }
    }

    pub(super) fn tell(&self, event: Event) {
        if let Some(watcher) = &self.watcher {
            let at = watcher.clock.elapsed();
            let event = redacted_event(event.clone(), &watcher.secrets);
            watcher.watch.note(Happened { at, event });
        }
        // Nobody listens any more once the report is written.
        drop(self.report.send(event));
    }

    pub(super) fn warn(&self, words: impl Into<String>) {
        self.tell(Event::Warning(words.into()));
    }
}
