//! What all parts of one run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use injector_core::experiment::Experiment;

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
    method_over: AtomicBool,
}

impl<F: Faults> Run<F> {
    pub(super) fn new(
        experiment: Experiment,
        faults: Arc<F>,
        clock: Clock,
        events: Events,
    ) -> Self {
        let ledger = Arc::new(Ledger::new(faults, clock, events.clone()));
        Self {
            experiment,
            ledger,
            clock,
            events,
            halter: Halter::new(),
            method_over: AtomicBool::new(false),
        }
    }

    /// From now on breakers measure but do not trip: there is nothing left to switch off.
    pub(super) fn end_method(&self) {
        self.method_over.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_method_over(&self) -> bool {
        self.method_over.load(Ordering::SeqCst)
    }
}
