//! The loop that freezes and thaws, and moves its own lease while the cgroup is frozen.

use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;

use super::cgroup::State;
use super::fault::FreezerError;
use super::pulses::{Decision, Ending, Freeze, NotUndone, Progress, Reason, lock};
use crate::clock::monotonic_ns;
use crate::keeper::Registration;
use crate::safety::Permit;
use crate::safety::undo::Recorded;

/// How far ahead the lease is moved while the cgroup is frozen.
const LEASE: Duration = Duration::from_millis(200);

/// How often it is moved.
const BEAT: Duration = Duration::from_millis(20);

/// How often the kernel is asked whether it has frozen the cgroup yet.
const LOOK: Duration = Duration::from_millis(1);

/// How often a thaw that did not take is tried again.
const TRIES: u8 = 50;

/// What the loop owns while it runs.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) permit: Permit,
    pub(super) freeze: Freeze,
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
            Ok(self.recorded.done()?)
        });
        // If it is not undone, both stay: the keeper thaws when the engine ends, or recovery does.
        let ending = Ending {
            reason,
            not_undone: undone.err(),
            progress,
        };
        (self.freeze.ended)(&ending);
        ending
    }

    fn pulses(&mut self) -> Result<(), Cut> {
        let train = self.freeze.train;
        self.wait(train.delay)?;
        let vetted = self.freeze.freezer.vet(&self.freeze.is_target);
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
        let decision = (self.freeze.decide)(number);
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

    /// One freeze, thawed again whatever cuts it short.
    fn pulse(&self, active: Duration) -> Result<(), Cut> {
        let freezer = &self.freeze.freezer;
        self.registration.beat(LEASE);
        let begun = monotonic_ns();
        let frozen = freezer.freeze(&self.permit);
        lock(&self.progress).counters.injected += 1;
        let held = frozen
            .map_err(failed)
            .and_then(|()| self.hold(begun, active));
        let thawed = freezer.thaw().map_err(failed);
        self.registration.rest();
        held.and(thawed)
    }

    /// Keeps the cgroup frozen from `begun` for as long as a pulse lasts, or until somebody else has
    /// thawed it: the keeper, when this loop was kept waiting. Theirs is the last word until the next
    /// pulse.
    fn hold(&self, begun: u64, active: Duration) -> Result<(), Cut> {
        let end = after(begun, active);
        let mut settled = None;
        let held = loop {
            self.registration.beat(LEASE);
            match self.look() {
                Ok(State::Frozen) => settled = settled.or_else(|| Some(monotonic_ns())),
                Ok(State::Freezing) => {}
                Ok(State::Thawed) => break Ok(()),
                Err(reason) => break Err(reason),
            }
            let step = if settled.is_some() { BEAT } else { LOOK };
            match until(end) {
                Duration::ZERO => break Ok(()),
                left => match self.wait(step.min(left)) {
                    Ok(()) => {}
                    Err(reason) => break Err(reason),
                },
            }
        };
        let now = monotonic_ns();
        let mut progress = lock(&self.progress);
        match settled {
            Some(settled) => {
                progress.frozen_ns += now.saturating_sub(settled);
                progress.settling_ns += settled.saturating_sub(begun);
            }
            None => progress.unsettled += 1,
        }
        drop(progress);
        held
    }

    /// How far the kernel is; where it is under way, asks it again.
    fn look(&self) -> Result<State, Cut> {
        let freezer = &self.freeze.freezer;
        let state = freezer.state().map_err(failed)?;
        if state == State::Freezing {
            freezer.freeze(&self.permit).map_err(failed)?;
        }
        Ok(state)
    }

    /// Leaves the cgroup thawed, verified.
    fn undo(&self) -> Result<(), NotUndone> {
        let mut result = Ok(());
        for _ in 0..TRIES {
            result = self.thaw_verified();
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

    fn thaw_verified(&self) -> Result<(), NotUndone> {
        let freezer = &self.freeze.freezer;
        match freezer.thaw().and_then(|()| freezer.is_asked()) {
            Ok(false) => Ok(()),
            Ok(true) => Err(NotUndone::StillAsked),
            Err(error) if error.has_vanished() => Ok(()),
            Err(error) => Err(NotUndone::Thaw(error)),
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

fn failed(error: FreezerError) -> Cut {
    cut(error, Reason::Failed)
}

fn cut(error: FreezerError, reason: fn(FreezerError) -> Reason) -> Cut {
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
