//! The loop that begins rounds, holds what is stopped, and continues it in the end.

use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;
use thiserror::Error;

use super::fault::SignalsError;
use super::round::Streams;
use super::start::{Order, Progress, lock};
use super::stopped::{List, continue_all};
use super::target::Targets;
use crate::clock::monotonic_ns;
use crate::keeper::{Keeper, Mending, Registration, Undoing};
use crate::safety::Permit;
use crate::safety::undo::{Cause, Effect, Recorded, UndoLog};

/// How far ahead the lease is moved while somebody is stopped.
const LEASE: Duration = Duration::from_millis(200);

/// How often it is moved.
const BEAT: Duration = Duration::from_millis(20);

/// How often continuing is tried again if it did not take.
const TRIES: u8 = 50;

/// Why the rounds ended.
#[derive(Debug)]
pub enum Reason {
    /// All rounds are done, or the duration is over.
    Over,
    Stopped,
    /// Nobody would continue the stopped processes if the engine died now.
    KeeperDied,
    /// Nobody of the target is left.
    Vanished,
    Failed(SignalsError),
}

/// How the rounds ended.
#[derive(Debug)]
pub struct Ending {
    pub reason: Reason,
    /// Why somebody may still stand still; the entry is then still in the undo log and in the keeper's
    /// charge.
    pub not_undone: Option<NotContinued>,
    pub progress: Progress,
}

/// A process may still be stopped, or the undo log still says so.
#[derive(Debug, Error)]
pub enum NotContinued {
    #[error("a process was told to continue and still stands still")]
    StillStopped,
    #[error("continued, but the undo log still has its entry")]
    Log(#[source] SignalsError),
}

/// What the loop owns while it runs.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) permit: Permit,
    pub(super) order: Order,
    pub(super) undo: Option<Undo>,
    pub(super) keeper: Keeper,
    pub(super) stop: Arc<EventFd>,
    pub(super) progress: Arc<Mutex<Progress>>,
    pub(super) moved: Arc<Mutex<Option<Targets>>>,
    pub(super) streams: Streams,
}

/// What continues whom this fault has stopped, whatever happens.
#[derive(Debug)]
pub(super) struct Undo {
    recorded: Recorded,
    registration: Registration,
    pub(super) list: List,
}

impl Undo {
    /// Writes down that processes will be stopped and puts them in the keeper's charge, or neither.
    pub(super) fn prepare(
        permit: &Permit,
        keeper: &Keeper,
        log: &UndoLog,
        cause: Cause,
    ) -> Result<Self, SignalsError> {
        let recorded = log.record(permit, Effect::Continue, cause);
        let recorded = recorded.map_err(SignalsError::Record)?;
        let registered = List::make(&recorded)
            .map_err(SignalsError::List)
            .and_then(|list| {
                let undoing = Undoing {
                    mending: Mending::Continue,
                    file: list.fd(),
                    recorded: &recorded,
                };
                let registration = keeper.register(&undoing);
                Ok((registration.map_err(SignalsError::Register)?, list))
            });
        match registered {
            Ok((registration, list)) => Ok(Self {
                recorded,
                registration,
                list,
            }),
            Err(error) => {
                recorded.done().map_err(SignalsError::Record)?;
                Err(error)
            }
        }
    }

    /// Moves the lease, if somebody stands still.
    pub(super) fn beat(&self) {
        if !self.list.is_empty() {
            self.registration.beat(LEASE);
        }
    }

    /// Leaves nobody standing still, verified. If that fails, entry and charge stay.
    fn finish(self) -> Result<(), NotContinued> {
        let mut continued = continue_all(self.list.fd());
        for _ in 1..TRIES {
            if continued {
                break;
            }
            self.beat();
            // A request to stop must not keep us from trying again, so it is not waited on.
            let slept = ppoll(&mut [], Some(TimeSpec::from(BEAT)), None);
            debug_assert!(matches!(slept, Ok(0) | Err(Errno::EINTR)), "{slept:?}");
            continued = continue_all(self.list.fd());
        }
        self.registration.rest();
        if !continued {
            return Err(NotContinued::StillStopped);
        }
        // A keeper that has died holds nothing that would need releasing.
        drop(self.registration.release());
        let removed = self.list.remove().map_err(SignalsError::List);
        let done = || self.recorded.done().map_err(SignalsError::Record);
        removed.and_then(|()| done()).map_err(NotContinued::Log)
    }
}

impl Run {
    /// Goes through the rounds, undoes what can be undone and tells.
    pub(super) fn finish(mut self) -> Ending {
        let reason = self.rounds().err().unwrap_or(Reason::Over);
        let undone = self.undo.map_or(Ok(()), Undo::finish);
        Ending {
            reason,
            not_undone: undone.err(),
            progress: lock(&self.progress).clone(),
        }
    }

    fn rounds(&mut self) -> Result<(), Reason> {
        let schedule = self.order.schedule;
        self.wait(schedule.delay)?;
        let mut begun = monotonic_ns();
        let end = after(begun, schedule.duration);
        let mut left = schedule.rounds;
        while monotonic_ns() < end && left != Some(0) {
            self.round(end)?;
            left = left.map(|left| left - 1);
            if let (Some(interval), true) = (schedule.interval, left != Some(0)) {
                begun = after(begun, interval).max(monotonic_ns());
                self.wait(until(begun.min(end)))?;
            }
        }
        let stands = self.undo.as_ref().is_some_and(|undo| !undo.list.is_empty());
        if stands {
            self.wait(until(end))
        } else {
            Ok(())
        }
    }

    /// Waits for `pause`, unless told to stop or left by the keeper.
    pub(super) fn wait(&self, pause: Duration) -> Result<(), Reason> {
        let end = after(monotonic_ns(), pause);
        loop {
            if let Some(undo) = &self.undo {
                undo.beat();
            }
            let mut fds = [
                PollFd::new(self.stop.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.keeper.pidfd(), PollFlags::POLLIN),
            ];
            let step = if self.undo.is_some() {
                BEAT
            } else {
                Duration::MAX
            };
            let step = TimeSpec::from(step.min(until(end)));
            // Interrupted by a signal it is simply asked again.
            let ready = ppoll(&mut fds, Some(step), None).unwrap_or_default();
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

pub(super) fn after(start: u64, pause: Duration) -> u64 {
    start.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX))
}

pub(super) fn until(end: u64) -> Duration {
    Duration::from_nanos(end.saturating_sub(monotonic_ns()))
}
