//! What a client felt, from its own mouth.

use std::io::{BufRead as _, BufReader};
use std::process::ChildStdout;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::client::{Lane, Operation};
use super::figures::Figures;

/// A stretch of time by the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
}

/// Everything one client has done so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tape(Arc<Mutex<Vec<Operation>>>);

impl Tape {
    /// Records what a client writes until it ends.
    pub(super) fn record(output: ChildStdout) -> Self {
        let tape = Self::default();
        let recording = tape.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A last line may be cut short by the client's end.
                if let Ok(operation) = line.parse() {
                    recording.all().push(operation);
                }
            }
        });
        tape
    }

    /// The operations of a lane that began in a span, in no order.
    pub(super) fn began_in(&self, lane: Lane, span: Span) -> Vec<Operation> {
        self.filtered(|it| it.lane == lane && span.contains(it.start_ns))
    }

    /// The operations of a lane that were under way at a moment.
    pub(super) fn under_way(&self, lane: Lane, at_ns: u64) -> Vec<Operation> {
        self.filtered(|it| it.lane == lane && it.start_ns < at_ns && it.end_ns() >= at_ns)
    }

    pub(super) fn figures(&self, lane: Lane, span: Span) -> Figures {
        Figures::of(&self.began_in(lane, span))
    }

    /// What ended in a span was like.
    pub(super) fn ended_in(&self, lane: Lane, span: Span) -> Figures {
        Figures::of(&self.filtered(|it| it.lane == lane && span.contains(it.end_ns())))
    }

    /// All operations of a lane.
    pub(super) fn lane(&self, lane: Lane) -> Vec<Operation> {
        self.filtered(|it| it.lane == lane)
    }

    fn filtered(&self, wanted: impl Fn(&Operation) -> bool) -> Vec<Operation> {
        self.all().iter().copied().filter(|it| wanted(it)).collect()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Operation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Span {
    pub(super) fn contains(self, at_ns: u64) -> bool {
        (self.from_ns..self.to_ns).contains(&at_ns)
    }
}
