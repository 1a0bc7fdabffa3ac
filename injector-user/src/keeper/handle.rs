//! The engine's side of its keeper.

use std::io::IoSlice;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, send, sendmsg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::charge::Mending;
use super::fault::{KeeperError, regardless};
use super::heart::{CELLS, Cell, Heart};
use super::home::Home;
use super::inbox::{Desk, Inbox, Received, User};
use super::message::{ANSWER, Request, name, read_answer};
use crate::clock::monotonic_ns;
use crate::safety::undo::Recorded;

/// How long the keeper may take to answer, be it for paging in a machine out of memory.
const ANSWER_MS: u16 = 1_000;

/// How long an orderly stop waits for the keeper to leave.
const LEAVE_MS: u16 = 2_000;

/// The engine's keeper. Clones are the same keeper; with the last of them, and of the registrations,
/// it is told to leave.
#[derive(Clone, Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
}

/// What the keeper is to undo, should the engine not do it.
#[derive(Debug)]
pub struct Undoing<'a> {
    pub mending: Mending,
    /// The file that [`Mending`] says, open for reading and writing.
    pub file: BorrowedFd<'a>,
    /// The undo-log entry of the same effect, which the keeper removes when it has undone it.
    pub recorded: &'a Recorded,
}

/// An effect in the keeper's charge, with a lease of its own.
///
/// Dropping it leaves the effect in the keeper's charge until the engine ends, so an effect that
/// could not be undone is not forgotten.
#[derive(Debug)]
#[must_use = "only `release` takes an effect from the keeper"]
pub struct Registration {
    shared: Arc<Shared>,
    cell: Cell,
}

/// The desk of an effect, for others than who makes it.
#[derive(Clone, Debug)]
pub struct Ledge {
    shared: Arc<Shared>,
    cell: Cell,
}

impl Ledge {
    pub fn desk(&self) -> Option<Desk<'_>> {
        self.shared.inbox.desk(self.cell)
    }
}

#[derive(Debug)]
struct Shared {
    heart: Heart,
    inbox: Inbox,
    socket: OwnedFd,
    pidfd: OwnedFd,
    pid: Pid,
    home: Mutex<Option<Home>>,
    line: Mutex<Line>,
}

/// Who may ask the keeper something: one at a time.
#[derive(Debug, Default)]
struct Line {
    sequence: u32,
    /// One bit for each effect's cell in use.
    taken: u64,
}

impl Keeper {
    pub(super) fn new(
        (heart, inbox): (Heart, Inbox),
        socket: OwnedFd,
        pidfd: OwnedFd,
        pid: Pid,
        home: Option<Home>,
    ) -> Self {
        let shared = Shared {
            heart,
            inbox,
            socket,
            pidfd,
            pid,
            home: Mutex::new(home),
            line: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Puts an effect in the keeper's charge. Only when this has returned may the effect be made.
    pub fn register(&self, undoing: &Undoing<'_>) -> Result<Registration, KeeperError> {
        let entry = name(undoing.recorded.name()).ok_or(KeeperError::Full)?;
        let fds = [undoing.file, undoing.recorded.folder()].map(|fd| fd.as_raw_fd());
        let mut line = self.shared.line();
        let free = line.taken.trailing_ones();
        let cell = u8::try_from(free + 1).ok().and_then(Cell::effect);
        let cell = cell.ok_or(KeeperError::Full)?;
        let request = Request::Register {
            cell,
            mending: undoing.mending,
            name: entry,
        };
        // Taken even if the answer is lost: the keeper may have heard us.
        line.taken |= 1 << free;
        self.shared.ask(&mut line, &request, &fds)?;
        drop(line);
        let shared = Arc::clone(&self.shared);
        Ok(Registration { shared, cell })
    }

    /// The engine's main loop is alive and will be back within `lease`.
    pub fn beat(&self, lease: Duration) {
        self.shared.beat(Cell::ENGINE, lease);
    }

    /// The engine's main loop has nothing armed and may sleep for as long as it likes.
    pub fn rest(&self) {
        self.shared.heart.rest(Cell::ENGINE);
    }

    /// Readable when the keeper has died: the engine then ends every effect and itself.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.shared.pidfd.as_fd()
    }

    pub fn pid(&self) -> i32 {
        self.shared.pid.as_raw()
    }

    pub fn is_alive(&self) -> bool {
        !is_readable(&[self.pidfd()], 0)
    }
}

impl Registration {
    /// The loop that makes this effect is alive and will be back within `lease`.
    pub fn beat(&self, lease: Duration) {
        self.shared.beat(self.cell, lease);
    }

    /// The effect is off for now, though it stays in the keeper's charge.
    pub fn rest(&self) {
        self.shared.heart.rest(self.cell);
    }

    /// Where the calls of a listener are received that is in the keeper's charge.
    pub fn desk(&self) -> Option<Desk<'_>> {
        self.shared.inbox.desk(self.cell)
    }

    /// The same for as long as somebody needs it; the keeper stays until then.
    pub fn ledge(&self) -> Ledge {
        Ledge {
            shared: Arc::clone(&self.shared),
            cell: self.cell,
        }
    }

    /// Receives the next call of `listener` at the desk, if there is one. Never waits.
    pub fn receive(&self, listener: BorrowedFd<'_>) -> Received {
        let desk = self.desk();
        desk.map_or(Received::Gone, |desk| desk.receive(listener, User::Engine))
    }

    /// Readable when the keeper has died: the effect must then end at once.
    pub fn keeper(&self) -> BorrowedFd<'_> {
        self.shared.pidfd.as_fd()
    }

    /// The effect has been undone, and that has been verified.
    pub fn release(self) -> Result<(), KeeperError> {
        self.rest();
        let mut line = self.shared.line();
        let request = Request::Release { cell: self.cell };
        let released = self.shared.ask(&mut line, &request, &[]);
        if released.is_ok() {
            line.taken &= !(1 << (self.cell.number() - 1));
        }
        drop(line);
        released
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line> {
        // What the lock guards is whole between any two statements.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beat(&self, cell: Cell, lease: Duration) {
        if self.heart.beat(cell, lease) {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let nudged = send(self.socket.as_raw_fd(), &Request::Nudge.encode(0), flags);
            // If there is no room, the keeper has enough to wake it; if it is dead, its pidfd tells.
            regardless(nudged);
        }
    }

    fn ask(&self, line: &mut Line, request: &Request, fds: &[RawFd]) -> Result<(), KeeperError> {
        line.sequence = line.sequence.wrapping_add(1);
        let rights = [ControlMessage::ScmRights(fds)];
        let rights = if fds.is_empty() { &[][..] } else { &rights };
        let bytes = request.encode(line.sequence);
        let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_NOSIGNAL);
        sendmsg::<()>(fd, &[IoSlice::new(&bytes)], rights, flags, None).map_err(|source| {
            if is_readable(&[self.pidfd.as_fd()], 0) {
                KeeperError::Died
            } else {
                KeeperError::Send(source)
            }
        })?;
        self.hear(line.sequence)
    }

    /// Waits for the answer to `sequence`; late ones to others are dropped.
    fn hear(&self, sequence: u32) -> Result<(), KeeperError> {
        let deadline = monotonic_ns().saturating_add(u64::from(ANSWER_MS) * 1_000_000);
        let mut bytes = [0; ANSWER];
        loop {
            match nix::sys::socket::recv(
                self.socket.as_raw_fd(),
                &mut bytes,
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(0) => return Err(KeeperError::Died),
                Ok(_) => match read_answer(&bytes) {
                    Some((answered, true)) if answered == sequence => return Ok(()),
                    Some((answered, false)) if answered == sequence => {
                        return Err(KeeperError::Full);
                    }
                    _ => {}
                },
                Err(_nothing_yet) => {
                    let left = deadline.saturating_sub(monotonic_ns()).div_ceil(1_000_000);
                    let left = u16::try_from(left).unwrap_or(ANSWER_MS);
                    if left == 0 {
                        let milliseconds = ANSWER_MS;
                        return Err(KeeperError::Silent { milliseconds });
                    }
                    is_readable(&[self.socket.as_fd()], left);
                }
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        farewell(&self.socket);
        let has_left = is_readable(&[self.pidfd.as_fd()], LEAVE_MS);
        if !has_left {
            // Stopped or starved. It will read the farewell when it can, and the undo log has its
            // cgroup.
            return;
        }
        let reaped = waitid(Id::PIDFd(self.pidfd.as_fd()), WaitPidFlag::WEXITED);
        debug_assert!(reaped.is_ok(), "{reaped:?}");
        let home = self.home.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(home) = home.take() {
            home.clear();
        }
    }
}

/// Tells the keeper that the engine ends in order.
pub(super) fn farewell(socket: &OwnedFd) {
    let sent = send(
        socket.as_raw_fd(),
        &Request::Stop.encode(0),
        MsgFlags::MSG_NOSIGNAL,
    );
    // A keeper that cannot hear it has died, or will see the socket closed.
    regardless(sent);
}

/// Waits at most `milliseconds` until one of `fds` can be read or has been closed.
fn is_readable(fds: &[BorrowedFd<'_>], milliseconds: u16) -> bool {
    let mut fds: Vec<PollFd<'_>> = fds
        .iter()
        .map(|fd| PollFd::new(*fd, PollFlags::POLLIN))
        .collect();
    matches!(poll(&mut fds, PollTimeout::from(milliseconds)), Ok(ready) if ready > 0)
}

const _: () = assert!(CELLS as u32 <= u64::BITS);
