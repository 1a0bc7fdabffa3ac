//! How long a crew may go on: its engine lives, the lease is good, the deadline has not come.

use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use nix::poll::PollFlags;

use super::super::page::{Page, Word};
use crate::clock::monotonic_ns;
use crate::sys::poll::wait_readable;

/// How often is looked whether it is to begin.
const LOOK: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(super) struct Life {
    line: OwnedFd,
    page: Page,
}

impl Life {
    pub(super) fn new(line: OwnedFd, page: Page) -> Self {
        Self { line, page }
    }

    pub(super) fn page(&self) -> &Page {
        &self.page
    }

    /// Waits until it is to begin; false if it never is.
    pub(super) fn await_beginning(&self) -> bool {
        while self.page.get(Word::Deadline) == 0 {
            if !self.rest(LOOK) {
                return false;
            }
        }
        self.page.set(Word::Begun, monotonic_ns());
        self.goes_on()
    }

    /// Whether lease and deadline are still to come.
    pub(super) fn goes_on(&self) -> bool {
        let now = monotonic_ns();
        let deadline = self.page.get(Word::Deadline);
        now < self.page.get(Word::Lease) && (deadline == 0 || now < deadline)
    }

    /// Waits for `pause`; false at once if the engine has ended, and then if it may not go on.
    pub(super) fn rest(&self, pause: Duration) -> bool {
        match wait_readable([self.line.as_fd()], pause) {
            // Nothing is ever sent: it has been closed.
            Ok([events]) if events != PollFlags::empty() => false,
            // Cut short by a signal, it was a shorter rest.
            _ => self.goes_on(),
        }
    }
}
