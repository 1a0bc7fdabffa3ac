//! Where the kernel writes calls that wait for an answer, so that the keeper knows them too.
//!
//! A call that the engine has received and not answered is known to nobody else, and waits for as long
//! as the listener is open. So the kernel writes it to a page that engine and keeper share: whatever
//! happens to the engine after that, the keeper has the call's id.

use std::num::NonZeroUsize;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::heart::{CELLS, Cell};
use crate::sys::memory::SharedCells;
use crate::sys::seccomp::{Answer, NOTICE, answer, receive};

/// Calls of one listener that may be held at a time.
pub const HELD: usize = 1024;

/// Words of one desk: the notice, who is receiving, and calls that are held.
const DESK: usize = NOTICE + 1 + HELD;

const ALL: NonZeroUsize = NonZeroUsize::new(CELLS as usize * DESK).expect("not zero");

/// A desk for each effect.
#[derive(Debug)]
pub(super) struct Inbox {
    shared: SharedCells,
}

/// Where calls of one listener are received, by one process at a time.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    notice: &'a [AtomicU64; NOTICE],
    user: &'a AtomicU64,
    held: &'a [AtomicU64; HELD],
}

/// What came of an attempt to receive a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is in the notice.
    Call,
    /// None waits, or the one that did has gone.
    Nothing,
    /// The other process is receiving.
    Occupied,
    /// Whoever could call has ended.
    Gone,
}

/// Who receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    Engine = 1,
    Keeper = 2,
}

impl Inbox {
    pub(super) fn new() -> nix::Result<Self> {
        SharedCells::map(ALL).map(|shared| Self { shared })
    }

    /// None for the engine's own cell, which has no effect.
    pub(super) fn desk(&self, cell: Cell) -> Option<Desk<'_>> {
        let index = usize::from(cell.number()).checked_sub(1)?;
        let words = self.shared.cells().get(index * DESK..)?;
        let (notice, rest) = words.split_first_chunk()?;
        let (user, rest) = rest.split_first()?;
        Some(Desk {
            notice,
            user,
            held: rest.first_chunk()?,
        })
    }
}

impl Desk<'_> {
    /// The words of the call that was received last.
    pub fn notice(&self) -> [u64; NOTICE] {
        self.notice
            .each_ref()
            .map(|word| word.load(Ordering::Acquire))
    }

    /// Answers the call in the notice; whether it still waited.
    pub fn answer(&self, listener: BorrowedFd<'_>, given: Answer) -> bool {
        let id = self.id().load(Ordering::Acquire);
        let answered = answer(listener, id, given).is_ok();
        self.forget(id);
        answered
    }

    /// Leaves the call in the notice without an answer for now, so that the next one can be received; its
    /// place, or none if all are taken.
    pub fn hold(&self) -> Option<usize> {
        let id = self.id().load(Ordering::Acquire);
        let mut places = self.held.iter();
        let place = places.position(|place| place.load(Ordering::Acquire) == 0)?;
        // First: until it is answered the keeper finds it in one place or the other.
        self.held.get(place)?.store(id, Ordering::Release);
        self.forget(id);
        Some(place)
    }

    /// Lets the call in this place be made; whether it still waited.
    pub fn let_go(&self, listener: BorrowedFd<'_>, place: usize) -> bool {
        let Some(place) = self.held.get(place) else {
            return false;
        };
        let id = place.load(Ordering::Acquire);
        let waited = id != 0 && answer(listener, id, Answer::Continue).is_ok();
        place.store(0, Ordering::Release);
        waited
    }

    /// Empties the notice, unless the other process has answered it and the kernel has written another
    /// call since.
    fn forget(&self, id: u64) {
        let _another = self
            .id()
            .compare_exchange(id, 0, Ordering::AcqRel, Ordering::Acquire);
    }

    fn id(&self) -> &AtomicU64 {
        let [id, ..] = self.notice;
        id
    }

    /// Receives the next call, if there is one. Never waits.
    pub(super) fn receive(&self, listener: BorrowedFd<'_>, user: User) -> Received {
        let free = self
            .user
            .compare_exchange(0, user as u64, Ordering::AcqRel, Ordering::Acquire);
        if free.is_err() {
            return Received::Occupied;
        }
        let received = look(listener, self.notice);
        self.user.store(0, Ordering::Release);
        received
    }

    /// Their places stay the engine's, which may be about to let them go.
    fn pass_held(&self, listener: BorrowedFd<'_>) {
        let ids = self.held.iter().map(|place| place.load(Ordering::Acquire));
        for id in ids.filter(|id| *id != 0) {
            let _answered_already = answer(listener, id, Answer::Continue);
        }
    }

    /// Lets every call be made that waits; whether nobody is left who could call. `alone` says that the
    /// engine has ended.
    pub(super) fn pass_all(&self, listener: BorrowedFd<'_>, alone: bool) -> bool {
        if alone {
            self.user.store(0, Ordering::Release);
        }
        self.answer(listener, Answer::Continue);
        self.pass_held(listener);
        loop {
            match self.receive(listener, User::Keeper) {
                Received::Call => {
                    self.answer(listener, Answer::Continue);
                }
                Received::Gone => return true,
                Received::Nothing | Received::Occupied => return false,
            }
        }
    }
}

/// Nobody else receives meanwhile, so what is there stays there, or is counted as gone: the kernel does
/// not let us wait.
fn look(listener: BorrowedFd<'_>, notice: &[AtomicU64; NOTICE]) -> Received {
    let mut fds = [PollFd::new(listener, PollFlags::POLLIN)];
    let ready = poll(&mut fds, PollTimeout::ZERO).unwrap_or_default();
    let [ready] = fds.map(|fd| {
        fd.revents()
            .filter(|_| ready > 0)
            .unwrap_or(PollFlags::empty())
    });
    if ready.contains(PollFlags::POLLIN) {
        return match receive(listener, notice) {
            Ok(()) => Received::Call,
            Err(_gone_meanwhile) => Received::Nothing,
        };
    }
    if ready.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
        Received::Gone
    } else {
        Received::Nothing
    }
}
