//! What happened, told by whoever did it to whoever writes the report.

use std::time::Duration;

use injector_core::report::{ActivityRecord, FaultRecord, HypothesisResult, Phase};
use injector_core::safety::{Transition, TripReason};
use tokio::sync::mpsc;

/// One thing that happened.
#[derive(Debug)]
pub(super) enum Event {
    Activity(Box<ActivityRecord>),
    Hypothesis {
        phase: Phase,
        result: HypothesisResult,
    },
    During {
        met: bool,
        at_ms: f64,
    },
    Sample(Measured),
    Fault(Box<FaultRecord>),
    Transition {
        breaker: String,
        transition: Transition,
    },
    BreakerSample {
        breaker: String,
    },
    Breach {
        breaker: String,
        reason: TripReason,
        at: Duration,
        killed: Option<Duration>,
        clean: Option<Duration>,
    },
    Warning(String),
}

/// One sample of a probe.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) probe: String,
    pub(super) at_ms: f64,
    pub(super) took_ms: f64,
    /// What the tolerance looks at, if that is a number.
    pub(super) number: Option<f64>,
    pub(super) answered: bool,
    pub(super) met: bool,
    pub(super) bounds: Option<(f64, f64)>,
}

/// Where events go. Losing the other end only happens when the run is over.
#[derive(Debug, Clone)]
pub(super) struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// A place to send to, and the other end.
    pub(super) fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(super) fn tell(&self, event: Event) {
        // Nobody listens any more once the report is written.
        drop(self.0.send(event));
    }

    pub(super) fn warn(&self, words: impl Into<String>) {
        self.tell(Event::Warning(words.into()));
    }
}
