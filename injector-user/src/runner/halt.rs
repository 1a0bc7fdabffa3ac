//! Why a run ends before its method is over.

use injector_core::safety::TripReason;
use tokio::sync::watch;

use super::faults::FaultErrorClass;

/// What the person in front of it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cancel {
    /// Go on.
    #[default]
    No,
    /// Faults off, rollbacks by strategy, report.
    Gracefully,
    /// Faults off, report, nothing more.
    Now,
}

/// Why a run ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Halt {
    /// A breaker opened for good.
    Breaker { name: String, reason: TripReason },
    /// The hypothesis failed too often while the method ran.
    FailFast,
    /// A fault was not armed.
    Fault {
        name: String,
        class: FaultErrorClass,
        message: String,
    },
    /// What probes ask about could not be observed.
    Observing {
        class: FaultErrorClass,
        message: String,
    },
    /// A person asked.
    Cancelled(Cancel),
}

/// Where the first reason to halt is left, and waited for.
#[derive(Debug, Clone)]
pub(super) struct Halter(watch::Sender<Option<Halt>>);

impl Halter {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Halts the run, unless something else did.
    pub(super) fn halt(&self, why: Halt) {
        self.0.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                *first = Some(why);
            }
            is_first
        });
    }

    /// Why it was halted, if it was.
    pub(super) fn why(&self) -> Option<Halt> {
        self.0.borrow().clone()
    }

    /// Waits until it is halted.
    pub(super) async fn halted(&self) {
        let mut reasons = self.0.subscribe();
        // The sender lives in `self`, so this cannot end without a reason.
        drop(reasons.wait_for(Option::is_some).await);
    }
}
