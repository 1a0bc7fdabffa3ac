//! Circuit breakers at work: sampling, and switching off.

use std::sync::Arc;
use std::time::Duration;

use injector_core::experiment::{BreakerSpec, Provider, Silence, Timeout};
use injector_core::report::Breach;
use injector_core::safety::{Breaker, State, Transition, TransitionReason, TripReason};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::clock::milliseconds;
use super::event::{Event, Measured};
use super::faults::Faults;
use super::halt::Halt;
use super::run::Run;

impl<F: Faults> Run<F> {
    #[expect(clippy::infinite_loop, reason = "the run aborts it when it is over")]
    /// Samples a probe until it is aborted. Once the method is over it only measures.
    pub(super) async fn watch(self: Arc<Self>, spec: BreakerSpec, seed: u64) {
        let spec = bounded(spec);
        let mut breaker = Breaker::new(spec.policy.clone(), seed);
        let mut ticks = interval(spec.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(good) = self.take(&spec).await else {
                continue;
            };
            self.events.tell(Event::BreakerSample {
                breaker: spec.name.clone(),
                good,
            });
            if self.is_method_over() || breaker.is_final() {
                continue;
            }
            if let Some(transition) = breaker.observe(self.clock.elapsed(), good) {
                self.events.tell(Event::Transition {
                    breaker: spec.name.clone(),
                    transition,
                });
                self.act(&spec, &breaker, transition).await;
            }
        }
    }

    /// One sample; an answer that does not come in time is a bad one. None where there is no data, unless
    /// that is bad.
    async fn take(&self, spec: &BreakerSpec) -> Option<bool> {
        let began = self.clock.elapsed();
        if let Ok(judged) = timeout(spec.timeout, self.sample(&spec.probe)).await {
            let ignored = judged.is_without_data() && spec.no_data == Silence::Ignored;
            return (!ignored).then_some(judged.unmet.is_none());
        }
        self.events.tell(Event::Sample(Measured {
            probe: spec.probe.activity.name.clone(),
            at_ms: milliseconds(began),
            took_ms: milliseconds(spec.timeout),
            number: None,
            answered: false,
            met: false,
            bounds: spec.probe.tolerance.bounds(),
        }));
        Some(false)
    }

    async fn act(&self, spec: &BreakerSpec, breaker: &Breaker, transition: Transition) {
        match transition.reason {
            TransitionReason::Tripped(reason) => self.trip(spec, breaker, transition, reason).await,
            TransitionReason::Retry { .. } => {
                self.ledger.rearm(&spec.name, breaker.intensity()).await;
            }
            TransitionReason::Recovered { .. } => {}
        }
    }

    /// The kill switch first, then the detaching, then the end of the experiment.
    async fn trip(
        &self,
        spec: &BreakerSpec,
        breaker: &Breaker,
        transition: Transition,
        reason: TripReason,
    ) {
        debug_assert_eq!(transition.to, State::Open);
        let killed_ms = match self.ledger.kill(Some(&spec.name)).await {
            Ok(()) => Some(milliseconds(self.clock.elapsed())),
            Err(error) => {
                self.events.warn(format!(
                    "the kill switch could not be used: {}",
                    error.told()
                ));
                None
            }
        };
        let clean = self.ledger.detach().await;
        self.events.tell(Event::Breach(Breach {
            breaker: spec.name.clone(),
            reason,
            at_ms: milliseconds(transition.at),
            killed_ms,
            clean_ms: clean.then(|| milliseconds(self.clock.elapsed())),
        }));
        if breaker.is_final() {
            self.halter.halt(Halt::Breaker {
                name: spec.name.clone(),
                reason,
            });
        }
    }
}

/// An HTTP call blocks a thread until it ends, so it must not outlast its sample.
fn bounded(mut spec: BreakerSpec) -> BreakerSpec {
    if let Provider::Http(http) = &mut spec.probe.activity.provider {
        let limit = |given: Option<Duration>| {
            Some(given.map_or(spec.timeout, |given| given.min(spec.timeout)))
        };
        http.timeout = Timeout {
            connect: limit(http.timeout.connect),
            read: limit(http.timeout.read),
        };
    }
    spec
}
