//! A fault that sends signals: what it is told, its life, and what it has done.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use injector_core::fault::process::Signal;
use injector_core::proof::Counters;

use super::fault::SignalsError;
use super::run::{Ending, Run, Undo};
use super::target::Targets;
use crate::going::{Going, stopper};
use crate::keeper::Keeper;
use crate::safety::Permit;
use crate::safety::undo::{Cause, UndoLog};

/// When rounds begin and how they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Before the first round.
    pub delay: Duration,
    /// From the beginning of a round to that of the next; without it there is one round.
    pub interval: Option<Duration>,
    /// How many rounds there are; without a number, as many as fit.
    pub rounds: Option<u32>,
    /// Between one process and the next.
    pub stagger: Duration,
    /// From the end of the delay until nothing is sent any more and who was stopped is continued.
    pub duration: Duration,
}

/// What to do with one process in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Send,
    /// As `Send`, but it is only counted.
    Rehearse,
    /// The dice said no.
    Pass,
    /// Not one of those that `when` names.
    Outside,
    /// `max_hits` is used up.
    Expired,
}

/// What to send to whom, and what the loop asks while it does.
pub struct Order {
    pub signal: Signal,
    pub targets: Targets,
    /// A target that is away may come back: whoever calls decides when it is gone.
    pub returns: bool,
    pub schedule: Schedule,
    /// Every choice is only counted, so nobody will have to be continued.
    pub rehearses: bool,
    pub cause: Cause,
    /// Whether a process must not be signalled, asked of each just before.
    pub is_protected: Box<dyn Fn(i32) -> bool + Send>,
    /// Asked for each process that is met: its stream, numbered from 0 as processes appear, and which
    /// round this is for it, from 1.
    pub choose: Box<dyn FnMut(u64, u64) -> Choice + Send>,
    /// Told of each signal, in the same words.
    pub told: Box<dyn FnMut(u64, u64) + Send>,
}

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub rounds: u64,
    /// Of processes that were met.
    pub counters: Counters,
    /// Met and left alone: protected.
    pub protected: u64,
    /// Met and left alone: stopped by somebody else.
    pub stopped_before: u64,
    /// Those that were hit, by stream.
    pub suffered: Vec<Suffered>,
}

/// One process that was hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suffered {
    pub stream: u64,
    pub pid: i32,
    pub comm: String,
    pub injected: u64,
}

/// Rounds going on. Dropping it ends them, with everybody continued.
#[derive(Debug)]
pub struct Signals {
    progress: Arc<Mutex<Progress>>,
    /// Where the target has moved, until the next round.
    moved: Arc<Mutex<Option<Targets>>>,
    thread: Going<Ending>,
}

impl Signals {
    /// Starts a thread that sends. If the signal stops processes, the undo log and the keeper know by
    /// then where they will be listed.
    pub fn start(
        permit: Permit,
        keeper: &Keeper,
        log: &UndoLog,
        order: Order,
    ) -> Result<Self, SignalsError> {
        let stop = stopper().map_err(SignalsError::Stop)?;
        let progress = Arc::<Mutex<Progress>>::default();
        let moved = Arc::<Mutex<Option<Targets>>>::default();
        let undo = if order.signal.stops() && !order.rehearses {
            Some(Undo::prepare(&permit, keeper, log, order.cause.clone())?)
        } else {
            None
        };
        let run = Run {
            permit,
            order,
            undo,
            keeper: keeper.clone(),
            stop: Arc::clone(&stop),
            progress: Arc::clone(&progress),
            moved: Arc::clone(&moved),
            streams: super::round::Streams::default(),
        };
        // Should this fail, the undo log's entry stays, with an empty list: nobody was stopped.
        let thread = thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || run.finish())
            .map_err(SignalsError::Thread)?;
        Ok(Self {
            progress,
            moved,
            thread: Going::of(stop, thread),
        })
    }

    /// Goes on with the target where it is now, from the next round.
    pub fn follow(&self, targets: Targets) {
        *lock(&self.moved) = Some(targets);
    }

    pub fn progress(&self) -> Progress {
        lock(&self.progress).clone()
    }

    /// Tells the rounds to end, without waiting until they have.
    pub fn halt(&self) {
        self.thread.halt();
    }

    /// Whether the rounds have ended by themselves or on request.
    pub fn has_ended(&self) -> bool {
        self.thread.has_ended()
    }

    /// Ends the rounds, with everybody continued, and tells how they ended; none if their thread
    /// panicked.
    pub fn stop(self) -> Option<Ending> {
        self.thread.stop()
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("signal", &self.signal)
            .field("schedule", &self.schedule)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in it is whole between any two statements.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
