//! One round: each process of the target is met once.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::fault::SignalsError;
use super::run::{Reason, Run, until};
use super::start::{Choice, Progress, Suffered, lock};
use super::stopped::is_stopped;
use super::target::{Member, comm};
use crate::safety::Permit;
use crate::sys::fd::{pidfd_open, pidfd_send};

/// Processes that are remembered; of a target that has had more, those that were not met of late are
/// forgotten.
const REMEMBERED: usize = 1 << 14;

/// Processes in the order in which they appeared.
#[derive(Debug, Default)]
pub(super) struct Streams {
    met: BTreeMap<Member, Stream>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    ordinal: u64,
    rounds: u64,
}

impl Streams {
    /// The process's stream, and which round this is for it.
    fn meet(&mut self, member: Member) -> (u64, u64) {
        let next = &mut self.next;
        let stream = self.met.entry(member).or_insert_with(|| {
            *next += 1;
            Stream {
                ordinal: *next - 1,
                rounds: 0,
            }
        });
        stream.rounds += 1;
        (stream.ordinal, stream.rounds)
    }

    fn forget_all_but(&mut self, members: &[Member]) {
        if self.met.len() > REMEMBERED {
            // They are in the order of their starts, as the keys are.
            self.met
                .retain(|member, _| members.binary_search(member).is_ok());
        }
    }
}

impl Run {
    /// Meets everybody who is in the target now, until `end`.
    pub(super) fn round(&mut self, end: u64) -> Result<(), Reason> {
        let members = self.members()?;
        self.streams.forget_all_but(&members);
        lock(&self.progress).rounds += 1;
        let members: Vec<Member> = members
            .into_iter()
            .filter(|member| !self.is_spared(*member))
            .collect();
        if let Some(undo) = &mut self.undo {
            let listed = undo.list.add(&members).map_err(SignalsError::List);
            listed.map_err(Reason::Failed)?;
        }
        for (index, member) in members.into_iter().enumerate() {
            if index > 0 {
                self.wait(self.order.schedule.stagger.min(until(end)))?;
            }
            if until(end).is_zero() {
                break;
            }
            self.meet(member).map_err(Reason::Failed)?;
        }
        Ok(())
    }

    fn members(&mut self) -> Result<Vec<Member>, Reason> {
        if let Some(moved) = lock(&self.moved).take() {
            self.order.targets.renew(moved);
        }
        let looked = self.order.targets.look().map_err(SignalsError::Look);
        let found = looked.map_err(Reason::Failed)?;
        let nobody = || self.order.returns.then(Vec::new);
        found.or_else(nobody).ok_or(Reason::Vanished)
    }

    /// Whether the process is left alone; counted if it is.
    fn is_spared(&self, member: Member) -> bool {
        let listed = |undo: &super::run::Undo| undo.list.holds(member);
        let ours = !self.order.signal.stops() || self.undo.as_ref().is_some_and(listed);
        if (self.order.is_protected)(member.pid) {
            lock(&self.progress).protected += 1;
        } else if !ours && is_stopped(member.pid) {
            lock(&self.progress).stopped_before += 1;
        } else {
            return false;
        }
        true
    }

    fn meet(&mut self, member: Member) -> Result<(), SignalsError> {
        let (pid, number) = (member.pid, self.order.signal.number());
        let pidfd = match pidfd_open(Pid::from_raw(pid)) {
            Err(Errno::ESRCH) => return Ok(()),
            opened => opened.map_err(|source| SignalsError::Open { pid, source })?,
        };
        // Only now: whoever is meant by the descriptor cannot be exchanged any more.
        if !self.order.targets.holds(member) {
            return Ok(());
        }
        let comm = comm(pid);
        if (self.order.is_protected)(pid) {
            lock(&self.progress).protected += 1;
            return Ok(());
        }
        let (stream, round) = self.streams.meet(member);
        let mut choice = (self.order.choose)(stream, round);
        if choice == Choice::Send {
            if let Some(undo) = &self.undo {
                undo.beat();
            }
            choice = match send(&self.permit, pidfd.as_fd(), number) {
                Ok(()) => Choice::Send,
                // It ended meanwhile: nothing was done to anybody.
                Err(Errno::ESRCH) => Choice::Expired,
                Err(source) => return Err(SignalsError::Send { pid, source }),
            };
        }
        lock(&self.progress).count(choice);
        if matches!(choice, Choice::Send | Choice::Rehearse) {
            (self.order.told)(stream, round);
            lock(&self.progress).note(stream, pid, comm);
        }
        Ok(())
    }
}

fn send(_permit: &Permit, pidfd: BorrowedFd<'_>, signal: i32) -> nix::Result<()> {
    pidfd_send(pidfd, signal)
}

impl Progress {
    fn count(&mut self, choice: Choice) {
        let counters = &mut self.counters;
        counters.matched += 1;
        match choice {
            Choice::Send | Choice::Rehearse => {
                counters.eligible += 1;
                counters.injected += 1;
            }
            Choice::Pass => {
                counters.eligible += 1;
                counters.passed += 1;
            }
            Choice::Outside => counters.outside += 1,
            Choice::Expired => counters.expired += 1,
        }
    }

    fn note(&mut self, stream: u64, pid: i32, comm: String) {
        let room = self.suffered.len() < REMEMBERED;
        match self.suffered.iter_mut().find(|one| one.stream == stream) {
            Some(one) => one.injected += 1,
            None if room => self.suffered.push(Suffered {
                stream,
                pid,
                comm,
                injected: 1,
            }),
            None => {}
        }
    }
}
