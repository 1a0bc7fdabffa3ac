//! The loop that wakes: read what the kernel asks for, answer when it is time, and move the lease by doing
//! so.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use injector_abi::sleep::{BEDS, Bed};
use injector_abi::syscall::PAGE;
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{read, write};

use super::messages::{Asked, OPENED, ROOM, Request, answer, attributes, greeting, refusal};
use super::sleeper::must_rise;
use crate::clock::monotonic_ns;
use crate::latency::Naps;
use crate::sys::fd::close_all_but;
use crate::sys::words::Words;
use crate::sys::{poll, schedule};

/// How far ahead the loop moves its lease: without it, nobody lies down any more.
const LEASE: Duration = Duration::from_millis(100);

/// How often those are looked at who have been called and sleep on: the kernel tells only once.
const LOOK: Duration = Duration::from_millis(10);

/// Words of 64 bits in a row.
const WORDS: usize = size_of::<Bed>() / 8;

pub(super) struct Loop {
    /// In this thread's own table, like the next one.
    pub(super) stop: OwnedFd,
    pub(super) device: OwnedFd,
    /// Hung up when nobody has the beds any more.
    pub(super) holder: OwnedFd,
    pub(super) beds: Arc<Words>,
    pub(super) dormitories: Arc<Words>,
    /// The word of those that is the lease.
    pub(super) lease: usize,
    /// Whose beds they are.
    pub(super) slot: u64,
    pub(super) naps: Naps,
    pub(super) sleepers: Sleepers,
}

/// Who waits for an answer, by the numbers of their requests.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    threads: BTreeMap<u64, i32>,
    /// When they are to be woken, the first one on top; some of them have been woken already.
    due: BinaryHeap<Reverse<(u64, u64)>>,
    /// Those that have been called and sleep on.
    called: BTreeSet<u64>,
}

impl Loop {
    /// Turns until it is told to stop; says first whether it has its descriptors for itself.
    pub(super) fn run(mut self, turning: &SyncSender<io::Result<()>>) {
        let apart = self.take_descriptors();
        let is_apart = apart.is_ok();
        // There is room for this one, and whoever started us listens.
        let _told = turning.try_send(apart);
        if is_apart {
            self.turn();
        }
    }

    /// Leaves the descriptors of the process behind. Should it be killed while another of its threads waits
    /// for an answer of ours, ours are closed when this thread ends, and that one waits no more.
    fn take_descriptors(&self) -> io::Result<()> {
        unshare(CloneFlags::CLONE_FILES)?;
        let mut own = [&self.device, &self.stop, &self.holder].map(OwnedFd::as_raw_fd);
        Ok(close_all_but(&mut own)?)
    }

    fn turn(&mut self) {
        schedule::urgent();
        let mut buffer = vec![0; ROOM];
        loop {
            let now_ns = monotonic_ns();
            self.dormitories.store(self.lease, now_ns + nanos(LEASE));
            self.take_all(&mut buffer);
            self.wake(monotonic_ns());
            if self.wait() {
                break;
            }
        }
        self.dormitories.store(self.lease, 0);
        self.take_all(&mut buffer);
        self.wake(u64::MAX);
    }

    /// Sleeps until there is something to do; true if the loop is to stop.
    fn wait(&self) -> bool {
        let timeout = self.sleepers.rest(monotonic_ns()).min(LEASE / 4);
        let fds = [&self.device, &self.stop, &self.holder].map(AsFd::as_fd);
        match poll::wait_readable(fds, timeout) {
            // The device fails once its file system is gone, which only our own end brings about.
            Ok([device, stop, holder]) => {
                stop.contains(PollFlags::POLLIN)
                    || device.contains(PollFlags::POLLERR)
                    || holder.contains(PollFlags::POLLHUP)
            }
            Err(_interrupted) => false,
        }
    }

    /// Takes everything that the kernel asks for.
    fn take_all(&mut self, buffer: &mut [u8]) {
        loop {
            match read(&self.device, buffer) {
                Ok(length) => {
                    let request = buffer.get(..length).and_then(Request::read);
                    if let Some(request) = request {
                        self.take(request);
                    }
                }
                // One that was taken back before we had it, or a signal.
                Err(Errno::ENOENT | Errno::EINTR) => {}
                Err(_drained_or_gone) => return,
            }
        }
    }

    fn take(&mut self, request: Request) {
        let Request {
            unique,
            thread,
            asked,
        } = request;
        let answered = match asked {
            Asked::Begin => answer(unique, &greeting()),
            Asked::Attributes => answer(unique, &attributes(u64::from(BEDS) * PAGE)),
            Asked::Open => answer(unique, &OPENED),
            Asked::Close => answer(unique, &[]),
            Asked::Read { offset } => match self.until(offset / PAGE) {
                Some(due_ns) => {
                    return self.sleepers.lay_down(unique, thread, due_ns);
                }
                None => refusal(unique, Errno::EIO),
            },
            Asked::Interrupt { unique } => return self.call(unique),
            Asked::Notice => return,
            Asked::Other => refusal(unique, Errno::ENOSYS),
        };
        self.say(&answered);
    }

    /// When the caller in this bed is to be woken; none if nobody of ours lies there.
    fn until(&mut self, bed: u64) -> Option<u64> {
        let bed = usize::try_from(bed).ok()?;
        let word = |at| self.beds.load(bed * WORDS + at);
        let [taken, slot, begun_ns] = [word(0)?, word(1)?, word(2)?];
        let is_ours = taken != 0 && slot == self.slot;
        is_ours.then(|| begun_ns.saturating_add(self.naps.next_ns()))
    }

    /// Somebody wants who waits for this request to do something else.
    fn call(&mut self, unique: u64) {
        let Some(thread) = self.sleepers.threads.get(&unique) else {
            return;
        };
        if must_rise(*thread) {
            self.rise(unique);
        } else {
            self.sleepers.called.insert(unique);
        }
    }

    /// Wakes those whose time has come by `now_ns`, and those who were called and have to rise by now.
    fn wake(&mut self, now_ns: u64) {
        while let Some(unique) = self.sleepers.pop_due(now_ns) {
            self.rise(unique);
        }
        for unique in self.sleepers.called.clone() {
            self.call(unique);
        }
    }

    fn rise(&mut self, unique: u64) {
        self.sleepers.forget(unique);
        self.say(&refusal(unique, Errno::EIO));
    }

    /// Who asked may be gone already.
    fn say(&self, message: &[u8]) {
        let _gone = write(&self.device, message);
    }
}

impl Sleepers {
    fn lay_down(&mut self, unique: u64, thread: i32, due_ns: u64) {
        self.threads.insert(unique, thread);
        self.due.push(Reverse((due_ns, unique)));
    }

    fn forget(&mut self, unique: u64) {
        self.threads.remove(&unique);
        self.called.remove(&unique);
    }

    /// The next one whose time has come.
    fn pop_due(&mut self, now_ns: u64) -> Option<u64> {
        while let Some(Reverse((due_ns, unique))) = self.due.peek().copied() {
            if due_ns > now_ns {
                return None;
            }
            self.due.pop();
            if self.threads.contains_key(&unique) {
                return Some(unique);
            }
        }
        None
    }

    /// How long nothing will have to be done.
    fn rest(&self, now_ns: u64) -> Duration {
        let next = self.due.peek().map_or(u64::MAX, |Reverse((due, _))| *due);
        let rest = Duration::from_nanos(next.saturating_sub(now_ns));
        if self.called.is_empty() {
            rest
        } else {
            rest.min(LOOK)
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
