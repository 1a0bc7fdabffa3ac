//! A fault that goes on in pulses: its parameters, its life, and what it has done.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use injector_core::proof::Counters;
use nix::errno::Errno;
use serde::Serialize;
use thiserror::Error;

use super::condition::{Condition, ConditionError, Strain};
use super::list;
use super::run::Run;
use crate::going::{Going, stopper};
use crate::keeper::{Keeper, KeeperError, Registration, Undoing};
use crate::safety::Permit;
use crate::safety::undo::{Cause, Recorded, UndoError, UndoLog};
use crate::sys::schedule;

/// When a condition is imposed and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Train {
    /// Before the first pulse.
    pub delay: Duration,
    /// How long each pulse lasts, unless somebody else lifts the condition before.
    pub active: Duration,
    /// How long there is none between two pulses, at least.
    pub dormant: Duration,
    /// How many pulses there are, injected or not; without a number, as many as fit.
    pub count: Option<u32>,
    /// From the end of the delay until the last pulse is cut short.
    pub duration: Duration,
}

/// What to do with one pulse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Inject,
    /// As `Inject`, but it is only counted.
    Rehearse,
    /// The dice said no.
    Pass,
    /// Not one of those that `when` names.
    Outside,
    /// `max_hits` is used up.
    Expired,
}

/// What to impose, and what the loop asks while it does.
pub struct Pulsing {
    pub condition: Box<dyn Condition>,
    pub train: Train,
    pub cause: Cause,
    /// Whether a process is a target, asked of every member just before the first pulse.
    pub is_target: Box<dyn Fn(i32) -> bool + Send>,
    /// Asked once for each pulse, numbered from 1.
    pub decide: Box<dyn FnMut(u64) -> Decision + Send>,
    /// Told once, from the loop's own thread, when the fault is over and undone.
    pub ended: Box<dyn FnOnce(&Ending) + Send>,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Of pulses.
    pub counters: Counters,
    /// Pulses in which the kernel had not got as far when they ended.
    pub unsettled: u64,
    /// How long the condition was in force, all pulses together.
    pub held_ns: u64,
    /// How long it took the kernel to get there, all pulses together.
    pub settling_ns: u64,
    /// Pulses that somebody else ended before their time.
    pub taken_back: u64,
    /// What the cgroup met with meanwhile.
    pub strain: Strain,
}

/// Why the pulses ended.
#[derive(Debug)]
pub enum Reason {
    /// All pulses are done, or the duration is over.
    Over,
    Stopped,
    /// Nobody would lift the condition if the engine died now.
    KeeperDied,
    /// The cgroup has been removed.
    Vanished,
    /// The cgroup is not what it was when the fault was armed.
    Refused(ConditionError),
    Failed(ConditionError),
}

/// How the pulses ended.
#[derive(Debug)]
pub struct Ending {
    pub reason: Reason,
    /// Why the condition may still be there; its entry is then still in the undo log and in the
    /// keeper's charge.
    pub not_undone: Option<NotUndone>,
    pub progress: Progress,
}

/// The condition may still be there, or the undo log still says so.
#[derive(Debug, Error)]
pub enum NotUndone {
    #[error("failed to undo it")]
    Lift(#[from] ConditionError),
    #[error("it was taken back, and the cgroup still shows it")]
    StillImposed,
    #[error("undone, but the undo log still has its entry")]
    Log(#[from] UndoError),
}

/// The pulses could not be started; nothing has been done.
#[derive(Debug, Error)]
pub enum PulseError {
    #[error("refused to freeze the cgroup")]
    Refused(#[source] ConditionError),
    #[error("failed to record it")]
    Record(#[source] UndoError),
    #[error("failed to put it in the keeper's charge")]
    Register(#[source] KeeperError),
    #[error("failed to make the signal that stops the pulses")]
    Signal(#[source] Errno),
    #[error("failed to start the thread that makes the pulses")]
    Thread(#[source] io::Error),
}

/// Pulses going on. Dropping it ends them, with nothing left.
#[derive(Debug)]
pub struct Pulses {
    progress: Arc<Mutex<Progress>>,
    thread: Going<Option<Ending>>,
}

impl Pulses {
    /// Starts a thread that imposes the condition in pulses, once that is in the undo log and in the
    /// keeper's charge.
    pub fn start(
        permit: Permit,
        keeper: &Keeper,
        log: &UndoLog,
        pulsing: Pulsing,
    ) -> Result<Self, PulseError> {
        let vetted = pulsing.condition.vet(&pulsing.is_target);
        vetted.map_err(PulseError::Refused)?;
        let stop = stopper().map_err(PulseError::Signal)?;
        let progress = Arc::<Mutex<Progress>>::default();
        // The thread comes first and waits, since nothing may fail once it is recorded.
        let (go, wait) = mpsc::channel::<Run>();
        let thread = thread::Builder::new()
            .name("pulses".to_owned())
            .spawn(move || {
                // A loop that is kept waiting for a processor for as long as its lease would have the
                // keeper end the engine, and every fault with it.
                schedule::urgent();
                wait.recv().ok().map(Run::finish)
            })
            .map_err(PulseError::Thread)?;
        let (recorded, registration) = entrust(&permit, keeper, log, &pulsing)?;
        let run = Run {
            permit,
            pulsing,
            recorded,
            registration,
            stop: Arc::clone(&stop),
            progress: Arc::clone(&progress),
        };
        let sent = go.send(run);
        debug_assert!(sent.is_ok(), "the thread waits for it");
        Ok(Self {
            progress,
            thread: Going::of(stop, thread),
        })
    }

    pub fn progress(&self) -> Progress {
        *lock(&self.progress)
    }

    /// Tells the pulses to end, without waiting until they have.
    pub fn halt(&self) {
        self.thread.halt();
    }

    /// Whether the pulses have ended by themselves or on request.
    pub fn has_ended(&self) -> bool {
        self.thread.has_ended()
    }

    /// Ends the pulses, undone, and tells how they ended; none if their thread panicked.
    pub fn stop(self) -> Option<Ending> {
        self.thread.stop().flatten()
    }
}

impl fmt::Debug for Pulsing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulsing")
            .field("condition", &self.condition)
            .field("train", &self.train)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

pub(super) fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    // Counters are whole between any two statements.
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes down what is to be undone and puts it in the keeper's charge, or does neither.
fn entrust(
    permit: &Permit,
    keeper: &Keeper,
    log: &UndoLog,
    pulsing: &Pulsing,
) -> Result<(Recorded, Registration), PulseError> {
    let condition = &pulsing.condition;
    let (effect, mending) = condition.undoing();
    let recorded = log.record(permit, effect, pulsing.cause.clone());
    let recorded = recorded.map_err(PulseError::Record)?;
    if let Some(rows) = condition.list()
        && let Err(error) = list::write(&recorded, &rows)
    {
        recorded.done().map_err(PulseError::Record)?;
        return Err(PulseError::Record(error));
    }
    let registered = keeper.register(&Undoing {
        mending,
        file: condition.control(),
        recorded: &recorded,
    });
    match registered {
        Ok(registration) => Ok((recorded, registration)),
        Err(error) => {
            forget(recorded).map_err(PulseError::Record)?;
            Err(PulseError::Register(error))
        }
    }
}

/// It has been undone, or was never done. The list goes first: an entry without one is harmless.
pub(super) fn forget(recorded: Recorded) -> Result<(), UndoError> {
    list::remove(&recorded)?;
    recorded.done()
}
