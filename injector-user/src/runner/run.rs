//! What all parts of one run share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use injector_core::experiment::Experiment;
use injector_core::telemetry::Baseline;

use super::clock::Clock;
use super::event::Events;
use super::faults::Faults;
use super::halt::Halter;
use super::ledger::Ledger;

/// One run of one experiment.
#[derive(Debug)]
pub(super) struct Run<F> {
    pub(super) experiment: Experiment,
    pub(super) ledger: Arc<Ledger<F>>,
    pub(super) clock: Clock,
    pub(super) events: Events,
    pub(super) halter: Halter,
    /// What was natural before this run.
    pub(super) baselines: Vec<Baseline>,
    /// Of programs.
    pub(super) environment: BTreeMap<String, String>,
    method_over: AtomicBool,
    observing: OnceLock<Observing>,
}

/// Since when targets are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observing {
    /// Monotonic nanoseconds.
    pub(super) from_ns: u64,
    /// The same moment, since the run began.
    pub(super) since: Duration,
}

impl<F: Faults> Run<F> {
    pub(super) fn new(
        experiment: Experiment,
        faults: Arc<F>,
        clock: Clock,
        events: Events,
        (baselines, environment): (Vec<Baseline>, BTreeMap<String, String>),
    ) -> Self {
        let ledger = Arc::new(Ledger::new(faults, clock, events.clone()));
        Self {
            experiment,
            ledger,
            clock,
            events,
            halter: Halter::new(),
            baselines,
            environment,
            method_over: AtomicBool::new(false),
            observing: OnceLock::new(),
        }
    }

    /// Targets are looked at from this moment on, in monotonic nanoseconds.
    pub(super) fn begin_to_observe(&self, from_ns: u64, since: Duration) {
        let _only_once = self.observing.set(Observing { from_ns, since });
    }

    /// Nothing if nobody is looked at.
    pub(super) fn observing(&self) -> Option<Observing> {
        self.observing.get().copied()
    }

    /// From now on breakers measure but do not trip: there is nothing left to switch off.
    pub(super) fn end_method(&self) {
        self.method_over.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_method_over(&self) -> bool {
        self.method_over.load(Ordering::SeqCst)
    }
}
