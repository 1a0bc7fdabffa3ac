//! The loop that imposes a condition and lifts it, and moves its own lease while it is in force.

use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;

use super::condition::{ConditionError, Standing, Strain};
use super::train::{Decision, Ending, NotUndone, Progress, Pulsing, Reason, forget, lock};
use crate::clock::monotonic_ns;
use crate::keeper::Registration;
use crate::safety::Permit;
use crate::safety::undo::Recorded;

/// How far ahead the lease is moved while the condition is in force.
const LEASE: Duration = Duration::from_millis(200);

/// How often it is moved.
const BEAT: Duration = Duration::from_millis(20);

/// How often the kernel is asked whether it has got as far yet.
const LOOK: Duration = Duration::from_millis(1);

/// How often an undoing that did not take is tried again.
const TRIES: u8 = 50;

/// What the loop owns while it runs.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) permit: Permit,
    pub(super) pulsing: Pulsing,
    pub(super) recorded: Recorded,
    pub(super) registration: Registration,
    pub(super) stop: Arc<EventFd>,
    pub(super) progress: Arc<Mutex<Progress>>,
}

/// Why a wait was cut short, or a part of the loop has to end.
type Cut = Reason;

impl Run {
    /// Makes the pulses, undoes them and tells.
    pub(super) fn finish(mut self) -> Ending {
        let reason = self.pulses().err().unwrap_or(Reason::Over);
        let undone = self.undo();
        let progress = *lock(&self.progress);
        let undone = undone.and_then(|()| {
            // A keeper that has died holds nothing that would need releasing.
            drop(self.registration.release());
            Ok(forget(self.recorded)?)
        });
        // If it is not undone, both stay: the keeper undoes it when the engine ends, or recovery does.
        let ending = Ending {
            reason,
            not_undone: undone.err(),
            progress,
        };
        (self.pulsing.ended)(&ending);
        ending
    }

    fn pulses(&mut self) -> Result<(), Cut> {
        let train = self.pulsing.train;
        self.wait(train.delay)?;
        let vetted = self.pulsing.condition.vet(&self.pulsing.is_target);
        vetted.map_err(|error| cut(error, Reason::Refused))?;
        let end = after(monotonic_ns(), train.duration);
        let mut number = 0;
        while monotonic_ns() < end && train.count.is_none_or(|count| number < u64::from(count)) {
            number += 1;
            let active = train.active.min(until(end));
            match self.decide(number) {
                Decision::Inject => self.pulse(active)?,
                Decision::Rehearse | Decision::Pass | Decision::Outside | Decision::Expired => {
                    self.wait(active)?;
                }
            }
            if train.count.is_none_or(|count| number < u64::from(count)) {
                self.wait(train.dormant.min(until(end)))?;
            }
        }
        Ok(())
    }

    fn decide(&mut self, number: u64) -> Decision {
        let decision = (self.pulsing.decide)(number);
        let counters = &mut lock(&self.progress).counters;
        counters.matched += 1;
        match decision {
            // Counted as injected once the kernel has been told.
            Decision::Inject => counters.eligible += 1,
            Decision::Rehearse => {
                counters.eligible += 1;
                counters.injected += 1;
            }
            Decision::Pass => {
                counters.eligible += 1;
                counters.passed += 1;
            }
            Decision::Outside => counters.outside += 1,
            Decision::Expired => counters.expired += 1,
        }
        decision
    }

    /// One pulse, undone again whatever cuts it short.
    fn pulse(&self, active: Duration) -> Result<(), Cut> {
        let condition = &self.pulsing.condition;
        let before = condition.strain();
        self.registration.beat(condition.patience().max(LEASE));
        let begun = monotonic_ns();
        let imposed = condition.impose(&self.permit);
        self.registration.beat(LEASE);
        lock(&self.progress).counters.injected += 1;
        let held = imposed
            .map_err(failed)
            .and_then(|()| self.hold(begun, active, before));
        let lifted = condition.lift().map_err(failed);
        self.registration.rest();
        held.and(lifted)
    }

    /// Keeps the condition in force from `begun` for as long as a pulse lasts, or until somebody else
    /// has lifted it: the keeper, when this loop was kept waiting. Theirs is the last word until the
    /// next pulse. `before` is what the cgroup had met with by then.
    fn hold(&self, begun: u64, active: Duration, before: Strain) -> Result<(), Cut> {
        let end = after(begun, active);
        let sofar = *lock(&self.progress);
        let mut settled = None;
        let held = loop {
            self.registration.beat(LEASE);
            match self.look() {
                Ok(Standing::InForce) => settled = settled.or_else(|| Some(monotonic_ns())),
                Ok(Standing::Coming) => {}
                Ok(Standing::Lifted) => {
                    lock(&self.progress).taken_back += 1;
                    break Ok(());
                }
                Err(reason) => break Err(reason),
            }
            self.count(&sofar, settled, before);
            let step = if settled.is_some() { BEAT } else { LOOK };
            match until(end) {
                Duration::ZERO => break Ok(()),
                left => match self.wait(step.min(left)) {
                    Ok(()) => {}
                    Err(reason) => break Err(reason),
                },
            }
        };
        self.count(&sofar, settled, before);
        let mut progress = lock(&self.progress);
        match settled {
            Some(settled) => progress.settling_ns += settled.saturating_sub(begun),
            None => progress.unsettled += 1,
        }
        drop(progress);
        held
    }

    /// Adds what this pulse has done to what those before it did.
    fn count(&self, sofar: &Progress, settled: Option<u64>, before: Strain) {
        let met = self.pulsing.condition.strain().since(before);
        let held_ns = settled.map(|settled| monotonic_ns().saturating_sub(settled));
        let mut progress = lock(&self.progress);
        progress.strain = sofar.strain + met;
        progress.held_ns = sofar.held_ns + held_ns.unwrap_or_default();
    }

    /// How far the kernel is; where it is under way, asks it again.
    fn look(&self) -> Result<Standing, Cut> {
        let condition = &self.pulsing.condition;
        let standing = condition.standing().map_err(failed)?;
        if standing == Standing::Coming {
            condition.impose(&self.permit).map_err(failed)?;
        }
        Ok(standing)
    }

    /// Leaves nothing behind, verified.
    fn undo(&self) -> Result<(), NotUndone> {
        let mut result = Ok(());
        for _ in 0..TRIES {
            result = self.lift_verified();
            if result.is_ok() {
                break;
            }
            // A request to stop must not keep us from trying again, so it is not waited on.
            let slept = ppoll(&mut [], Some(TimeSpec::from(BEAT)), None);
            debug_assert!(matches!(slept, Ok(0) | Err(Errno::EINTR)), "{slept:?}");
        }
        self.registration.rest();
        result
    }

    fn lift_verified(&self) -> Result<(), NotUndone> {
        let condition = &self.pulsing.condition;
        match condition.lift().and_then(|()| condition.is_imposed()) {
            Ok(false) => Ok(()),
            Ok(true) => Err(NotUndone::StillImposed),
            Err(error) if error.has_vanished() => Ok(()),
            Err(error) => Err(NotUndone::Lift(error)),
        }
    }

    /// Waits for `pause`, unless told to stop or left by the keeper.
    fn wait(&self, pause: Duration) -> Result<(), Cut> {
        let end = after(monotonic_ns(), pause);
        loop {
            let mut fds = [
                PollFd::new(self.stop.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.registration.keeper(), PollFlags::POLLIN),
            ];
            // Interrupted by a signal it is simply asked again.
            let ready = ppoll(&mut fds, Some(TimeSpec::from(until(end))), None).unwrap_or_default();
            let [stop, keeper] = fds.map(|fd| ready > 0 && fd.any().unwrap_or(true));
            if keeper {
                return Err(Reason::KeeperDied);
            }
            if stop {
                return Err(Reason::Stopped);
            }
            if until(end).is_zero() {
                return Ok(());
            }
        }
    }
}

fn failed(error: ConditionError) -> Cut {
    cut(error, Reason::Failed)
}

fn cut(error: ConditionError, reason: fn(ConditionError) -> Reason) -> Cut {
    if error.has_vanished() {
        Reason::Vanished
    } else {
        reason(error)
    }
}

fn after(start: u64, pause: Duration) -> u64 {
    start.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX))
}

fn until(end: u64) -> Duration {
    Duration::from_nanos(end.saturating_sub(monotonic_ns()))
}
