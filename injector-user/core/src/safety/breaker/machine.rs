//! The state machine.

use std::collections::VecDeque;
use std::time::Duration;

use super::policy::{Policy, Window};
use super::transition::{State, Transition, TransitionReason, TripReason};

/// Decides, sample by sample, whether the faults may act. Times are durations since the start of the
/// experiment and must not decrease.
#[derive(Debug, Clone)]
pub struct Breaker {
    policy: Policy,
    seed: u64,
    phase: Phase,
    rearms: u32,
}

#[derive(Debug, Clone)]
enum Phase {
    Closed {
        run: u32,
        recent: VecDeque<bool>,
    },
    Open {
        retry_at: Option<Duration>,
        healthy: bool,
    },
    HalfOpen {
        good: u32,
    },
}

impl Phase {
    fn closed() -> Self {
        Self::Closed {
            run: 0,
            recent: VecDeque::new(),
        }
    }
}

impl Breaker {
    /// A closed breaker; `seed` decides the jitter of the back-off.
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            seed,
            phase: Phase::closed(),
            rearms: 0,
        }
    }

    /// The state it is in.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Whether it is open for good: the experiment is over.
    pub fn is_final(&self) -> bool {
        matches!(self.phase, Phase::Open { retry_at: None, .. })
    }

    /// By what to multiply the intensity of the faults, in `(0, 1]`.
    pub fn intensity(&self) -> f64 {
        let exponent = i32::try_from(self.rearms).unwrap_or(i32::MAX);
        self.policy
            .rearm
            .as_ref()
            .map_or(1.0, |rearm| rearm.scale.powi(exponent))
    }

    /// Takes one sample of the probe: good means it answered and its tolerance was met.
    pub fn observe(&mut self, at: Duration, good: bool) -> Option<Transition> {
        match &mut self.phase {
            Phase::Closed { run, recent } => {
                let reason = judge(&self.policy, run, recent, good)?;
                Some(self.open(at, reason))
            }
            Phase::Open { healthy, .. } => {
                *healthy = good;
                self.tick(at)
            }
            Phase::HalfOpen { good: passed } if good => {
                *passed += 1;
                let samples = *passed;
                let enough = self
                    .policy
                    .rearm
                    .as_ref()
                    .is_none_or(|rearm| samples >= rearm.probation);
                enough.then(|| {
                    self.enter(at, Phase::closed(), TransitionReason::Recovered { samples })
                })
            }
            Phase::HalfOpen { .. } => Some(self.open(at, TripReason::ProbationFailed)),
        }
    }

    /// Lets time pass without a sample: may move from open to half-open.
    pub fn tick(&mut self, at: Duration) -> Option<Transition> {
        let Phase::Open {
            retry_at: Some(retry_at),
            healthy: true,
        } = self.phase
        else {
            return None;
        };
        if at < retry_at {
            return None;
        }
        self.rearms += 1;
        let reason = TransitionReason::Retry {
            attempt: self.rearms,
        };
        Some(self.enter(at, Phase::HalfOpen { good: 0 }, reason))
    }

    fn open(&mut self, at: Duration, reason: TripReason) -> Transition {
        let retry_at = self
            .policy
            .rearm
            .as_ref()
            .filter(|rearm| self.rearms < rearm.attempts)
            .map(|rearm| at.saturating_add(rearm.backoff.wait(self.rearms, self.seed)));
        self.enter(
            at,
            Phase::Open {
                retry_at,
                healthy: false,
            },
            TransitionReason::Tripped(reason),
        )
    }

    fn enter(&mut self, at: Duration, phase: Phase, reason: TransitionReason) -> Transition {
        let from = self.state();
        self.phase = phase;
        Transition {
            at,
            from,
            to: self.state(),
            reason,
        }
    }
}

/// Counts one sample in both dimensions and says which threshold it crossed.
fn judge(
    policy: &Policy,
    run: &mut u32,
    recent: &mut VecDeque<bool>,
    good: bool,
) -> Option<TripReason> {
    let Window {
        samples,
        failures,
        minimum,
    } = policy.window;
    *run = if good { 0 } else { run.saturating_add(1) };
    if samples > 0 {
        recent.push_back(good);
        if count(recent.len()) > samples {
            recent.pop_front();
        }
    }
    if policy.consecutive > 0 && *run >= policy.consecutive {
        return Some(TripReason::ConsecutiveFailures { failures: *run });
    }
    let seen = count(recent.len());
    let failed = count(recent.iter().filter(|good| !**good).count());
    (failures > 0 && seen > 0 && seen >= minimum && failed >= failures).then_some(
        TripReason::WindowFailures {
            failures: failed,
            samples: seen,
        },
    )
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
