//! Calls whose callers sleep until their time has come.
//!
//! The kernel keeps them waiting for an answer, as it does any call that it has told of. Their numbers
//! are on the page that engine and keeper share, so that either can let them all go.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::os::fd::{AsFd as _, OwnedFd};

use crate::keeper::Ledge;

/// Callers of one listener that sleep.
#[derive(Debug)]
pub(super) struct Waiting {
    listener: OwnedFd,
    ledge: Ledge,
    /// When (monotonic, in nanoseconds) the call in which place is due.
    due: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Waiting {
    pub(super) fn new(listener: OwnedFd, ledge: Ledge) -> Self {
        let due = BinaryHeap::new();
        Self {
            listener,
            ledge,
            due,
        }
    }

    /// Lets the caller of the call at the desk sleep until then; whether there was a place for it.
    pub(super) fn hold(&mut self, until_ns: u64) -> bool {
        let place = self.ledge.desk().and_then(|desk| desk.hold());
        self.due
            .extend(place.map(|place| Reverse((until_ns, place))));
        place.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Lets those go whose time has come by `now_ns`; when the next one's comes.
    pub(super) fn let_go(&mut self, now_ns: u64) -> Option<u64> {
        while let Some(Reverse((due_ns, place))) = self.due.peek().copied() {
            if due_ns > now_ns {
                return Some(due_ns);
            }
            self.due.pop();
            if let Some(desk) = self.ledge.desk() {
                // One that has been killed meanwhile waits no more.
                let _ended = desk.let_go(self.listener.as_fd(), place);
            }
        }
        None
    }
}
