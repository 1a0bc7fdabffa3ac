//! Decisions made outside the kernel: the same as inside, for pulses and for signals.

use injector_core::decide;
use injector_core::fault::FaultSpec;
use injector_core::units::When;

/// What the fault's parameters say of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Inject,
    Pass,
    Outside,
    Expired,
}

/// The dice of one fault.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    seed: u64,
    when: When,
    threshold: u64,
    max_hits: Option<u64>,
    injected: u64,
}

impl Dice {
    pub(super) fn new(spec: &FaultSpec, seed: u64) -> Self {
        Self {
            seed,
            when: spec.common.when,
            threshold: spec.common.probability.threshold(),
            max_hits: spec.common.max_hits,
            injected: 0,
        }
    }

    /// Decides about event number `hit` of a stream, from 1.
    pub(super) fn throw(&mut self, stream: u64, hit: u64) -> Verdict {
        if self.max_hits.is_some_and(|most| self.injected >= most) {
            Verdict::Expired
        } else if !self.when.includes(hit) {
            Verdict::Outside
        } else if decide::injects(self.seed, stream, hit, self.threshold) {
            self.injected += 1;
            Verdict::Inject
        } else {
            Verdict::Pass
        }
    }
}
