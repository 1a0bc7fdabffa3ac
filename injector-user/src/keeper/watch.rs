//! What the keeper does, from its first instruction to its last. No allocation after [`settle_in`].

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{MsgFlags, send};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, setsid, write};

use super::charge::{Calls, Charge, Mending};
use super::fault::regardless;
use super::heart::{CELLS, Cell, Heart};
use super::home::Home;
use super::inbox::Inbox;
use super::message::{REQUEST, Request, answer};
use super::patience::Patience;
use crate::clock::monotonic_ns;
use crate::sys::fd::{close_all_but, pidfd_signal, receive};

const NAME: &CStr = c"temblor-keeper";

/// How often leases are looked at while a loop of the engine runs.
const LOOK_MS: u16 = 10;

/// How often otherwise; the engine's end and its messages wake the keeper at once.
const IDLE_MS: u16 = 60_000;

/// How long a killed engine may take to end before its effects are undone for the last time.
const BURIAL_MS: u16 = 10_000;

/// How often a remedy that did not take is tried again, [`LOOK_MS`] apart.
const TRIES: u8 = 50;

/// Why an engine is ended, in few enough bytes for a pipe to take them at once.
const STUCK: &[u8] = b"temblor: the engine has stood still for too long: its keeper ends it\n";
const LATE: &[u8] =
    b"temblor: what does a fault has stood still for too long: the keeper ends the engine\n";

/// What the engine hands to its keeper at birth.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) engine: OwnedFd,
    pub(super) socket: OwnedFd,
    pub(super) heart: Heart,
    pub(super) inbox: Inbox,
    pub(super) home: Option<Home>,
    /// The engine's standard error: given up before anything is waited for, as somebody may read it to its
    /// end.
    pub(super) voice: Option<OwnedFd>,
}

/// Why the keeper's watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The engine asked for it.
    Orderly,
    /// The engine has ended.
    Died,
    /// A loop of the engine is stuck, or the engine has closed its end of the socket.
    Stuck,
}

#[derive(Debug)]
pub(super) struct Watch {
    pub(super) post: Post,
    charges: [Option<Charge>; CELLS as usize],
    patience: Patience,
    looked_at: u64,
    /// What the loops of the charges have left that are late.
    chances: [Option<Chance>; CELLS as usize],
}

/// The second chance of one late loop.
#[derive(Clone, Copy, Debug)]
struct Chance {
    until: u64,
    /// Its effect has been undone, once: whoever makes it again meanwhile is not us.
    undone: bool,
}

/// What a late loop gets to catch up. Its target does not suffer meanwhile: the loop may only have
/// been kept waiting, by a busy machine or by the kernel.
pub(super) const SECOND_CHANCE_NS: u64 = 300_000_000;

/// Keeps watch until the engine ends or must be ended; the result is the exit code of the process.
pub(super) fn watch(post: Post) -> i32 {
    settle_in(&post);
    let mut watch = Watch::new(post);
    let end = loop {
        if let Some(end) = watch.look() {
            break end;
        }
    };
    let clean = watch.finish(end);
    let home = watch.post.home.as_ref();
    i32::from(!(home.is_none_or(Home::leave) && clean))
}

/// Puts the process out of the reach of whatever may befall the engine. Each of these may be
/// forbidden, in a container say, and a keeper without it is still a keeper.
fn settle_in(post: &Post) {
    regardless(SigSet::all().thread_block());
    regardless(setsid());
    regardless(prctl::set_name(NAME));
    regardless(post.home.as_ref().map(Home::enter).transpose());
    regardless(std::fs::write("/proc/self/oom_score_adj", "-1000"));
    regardless(replace_standard_streams());
    let mut keep = [
        post.engine.as_raw_fd(),
        post.socket.as_raw_fd(),
        0,
        1,
        2,
        0,
        0,
        0,
        0,
        0,
    ];
    if let Some(voice) = &post.voice {
        keep[5] = voice.as_raw_fd();
    }
    if let Some(home) = &post.home {
        keep[6..].copy_from_slice(&home.descriptors());
    }
    regardless(close_all_but(&mut keep));
    regardless(mlockall(
        MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE,
    ));
}

fn replace_standard_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

impl Watch {
    pub(super) fn new(post: Post) -> Self {
        Self {
            post,
            charges: [const { None }; CELLS as usize],
            patience: Patience::default(),
            looked_at: monotonic_ns(),
            chances: [None; CELLS as usize],
        }
    }

    /// Waits for something to happen and deals with it.
    fn look(&mut self) -> Option<End> {
        let pause = match self.post.heart.earliest() {
            Some(_) => LOOK_MS,
            None => IDLE_MS,
        };
        let [engine, socket] = self.wait(pause);
        let now = monotonic_ns();
        let meant = self.looked_at.saturating_add(u64::from(pause) * 1_000_000);
        let overslept = now.saturating_sub(meant);
        self.looked_at = now;
        if engine {
            return Some(End::Died);
        }
        if socket && let Some(end) = self.listen() {
            return Some(end);
        }
        self.judge(now, overslept)
    }

    /// What the leases say at `now`, when the keeper slept `overslept` longer than it meant to.
    pub(super) fn judge(&mut self, now: u64, overslept: u64) -> Option<End> {
        let earliest = self.post.heart.earliest();
        if self.patience.is_over(now, overslept, earliest) {
            self.is_hopeless(now).then_some(End::Stuck)
        } else {
            self.chances = [None; CELLS as usize];
            None
        }
    }

    /// Whether the engine is to be killed, one of whose loops is late. Each that does something to a
    /// target has that undone first, and a second chance.
    fn is_hopeless(&mut self, now: u64) -> bool {
        let mut hopeless = self.post.heart.is_late(Cell::ENGINE, now);
        let Post { heart, inbox, .. } = &self.post;
        for (index, (charge, chance)) in (1..).zip(self.charges.iter().zip(&mut self.chances)) {
            let late = Cell::effect(index).filter(|cell| heart.is_late(*cell, now));
            let Some(cell) = late else {
                *chance = None;
                continue;
            };
            let chance = chance.get_or_insert(Chance {
                until: now.saturating_add(SECOND_CHANCE_NS),
                undone: false,
            });
            // Verified when it is undone for the last time.
            let calls = Calls {
                desk: inbox.desk(cell),
                alone: false,
            };
            let mend = |charge: &Charge| charge.mend(calls);
            chance.undone = chance.undone || charge.as_ref().is_some_and(mend);
            hopeless |= now >= chance.until;
        }
        hopeless
    }

    /// Whether the engine has ended, and whether there is something to hear from it.
    fn wait(&self, milliseconds: u16) -> [bool; 2] {
        let mut fds = [
            PollFd::new(self.post.engine.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.post.socket.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::from(milliseconds)) {
            Ok(_) => fds.map(|fd| fd.any().unwrap_or(true)),
            Err(_) => [false, false],
        }
    }

    /// Deals with all that the engine has said.
    fn listen(&mut self) -> Option<End> {
        let mut bytes = [0; REQUEST];
        loop {
            let (length, [file, log]) = match receive(self.post.socket.as_fd(), &mut bytes) {
                Ok((0, _)) => return Some(End::Stuck),
                Ok(received) => received,
                Err(_nothing_more) => return None,
            };
            let Some((sequence, request)) = bytes.get(..length).and_then(Request::decode) else {
                continue;
            };
            let accepted = match request {
                Request::Stop => return Some(End::Orderly),
                Request::Nudge => continue,
                Request::Release { cell } => self.slot(cell).and_then(Option::take).is_some(),
                Request::Register {
                    cell,
                    mending,
                    name,
                } => {
                    let charge = file.zip(log).map(|(file, log)| Charge {
                        mending,
                        file,
                        log,
                        entry: name,
                    });
                    self.take_charge(cell, charge)
                }
            };
            self.answer(sequence, accepted);
        }
    }

    /// Takes `charge` into a cell that has none yet.
    pub(super) fn take_charge(&mut self, cell: Cell, charge: Option<Charge>) -> bool {
        match (self.slot(cell), charge) {
            (Some(slot @ None), Some(charge)) => {
                *slot = Some(charge);
                true
            }
            _ => false,
        }
    }

    fn slot(&mut self, cell: Cell) -> Option<&mut Option<Charge>> {
        self.charges
            .get_mut(usize::from(cell.number()).checked_sub(1)?)
    }

    fn answer(&self, sequence: u32, accepted: bool) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let sent = send(
            self.post.socket.as_raw_fd(),
            &answer(sequence, accepted),
            flags,
        );
        // An engine that does not hear us takes us for dead, and makes no effect.
        regardless(sent);
    }

    /// Ends the engine if need be and undoes what it has registered; true if all of it is verified.
    fn finish(&mut self, end: End) -> bool {
        let voice = self.post.voice.take();
        match end {
            End::Orderly | End::Died => {}
            End::Stuck => {
                self.explain(voice);
                // It fails only if the engine has ended by itself.
                regardless(pidfd_signal(self.post.engine.as_fd(), Signal::SIGKILL));
                // At once for those who suffer, and again below: until the engine has ended it may
                // still be on its way to freeze.
                self.mend_all(false);
                self.await_burial();
            }
        }
        let mut tries = TRIES;
        while !self.strike_out_mended() {
            if !self.rest_until_called() {
                // There is something that should have been mended at once.
                tries -= 1;
                if tries == 0 {
                    return false;
                }
            }
        }
        true
    }

    /// Says why the engine is ended, if that can be said without waiting: whoever reads it may be as stuck.
    fn explain(&self, voice: Option<OwnedFd>) {
        let Some(voice) = voice else {
            return;
        };
        let late = self.post.heart.is_late(Cell::ENGINE, monotonic_ns());
        let words = if late { STUCK } else { LATE };
        let mut ready = [PollFd::new(voice.as_fd(), PollFlags::POLLOUT)];
        if poll(&mut ready, PollTimeout::ZERO) == Ok(1) {
            regardless(write(&voice, words));
        }
    }

    /// Waits a moment, or until somebody calls; whether there is nothing else to be mended.
    fn rest_until_called(&self) -> bool {
        let mut listeners = self.charges.iter().flatten();
        let mut only = true;
        let mut fds = [const { None }; CELLS as usize];
        for (slot, charge) in fds.iter_mut().zip(&mut listeners) {
            if charge.mending == Mending::Answer {
                *slot = Some(charge.file.as_fd());
            } else {
                only = false;
            }
        }
        let Some(any) = fds.iter().flatten().next().copied() else {
            regardless(poll(&mut [], PollTimeout::from(LOOK_MS)));
            return false;
        };
        // One that is there twice is asked twice.
        let mut asked = fds.map(|fd| PollFd::new(fd.unwrap_or(any), PollFlags::POLLIN));
        let pause = if only { IDLE_MS } else { LOOK_MS };
        regardless(poll(&mut asked, PollTimeout::from(pause)));
        only
    }

    /// Mends everything once; each says whether that was all.
    fn mend_all(&self, alone: bool) -> [bool; CELLS as usize] {
        let mut mended = [true; CELLS as usize];
        let charges = (1..).zip(&self.charges).zip(&mut mended);
        for ((index, charge), mended) in charges {
            let calls = Calls {
                desk: Cell::effect(index).and_then(|cell| self.post.inbox.desk(cell)),
                alone,
            };
            *mended = charge.as_ref().is_none_or(|charge| charge.mend(calls));
        }
        mended
    }

    /// Forgets what is verified; true if that was all. The engine has ended.
    fn strike_out_mended(&mut self) -> bool {
        let mended = self.mend_all(true);
        for (slot, _) in self
            .charges
            .iter_mut()
            .zip(mended)
            .filter(|(_, mended)| *mended)
        {
            if let Some(charge) = slot.take() {
                charge.strike_out();
            }
        }
        self.charges.iter().all(Option::is_none)
    }

    fn await_burial(&self) {
        let mut engine = [PollFd::new(self.post.engine.as_fd(), PollFlags::POLLIN)];
        let waited = poll(&mut engine, PollTimeout::from(BURIAL_MS));
        regardless(waited);
    }
}
