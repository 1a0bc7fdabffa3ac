//! The forwarding loop: read, wait, write back, and move the lease by doing so.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::PollFlags;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::buffers::Buffers;
use super::queue::Queue;
use super::tap::Tap;
use super::treatment::{HEADER, Treatment, Work};
use super::waking::Waking;
use crate::clock::monotonic_ns;
use crate::loader::Return;
use crate::sys::words::Words;
use crate::sys::{poll, schedule};

/// How far ahead the forwarding loop moves its lease.
pub const LEASE: Duration = Duration::from_millis(100);

/// What the line did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LineReport {
    /// Packets given back.
    pub forwarded: u64,
    /// Packets thrown away because this process had been stopped while they waited.
    pub discarded: u64,
    /// Packets that the kernel did not take back.
    pub failed: u64,
    /// Packets for which there was no room: beyond a second's wait at a rate, or 256 MiB.
    #[serde(default)]
    pub overflowed: u64,
    /// Bytes given back, link layer included.
    #[serde(default)]
    pub bytes: u64,
}

/// Why there is no loop.
#[derive(Debug, thiserror::Error)]
#[error("failed to start the delay line of `{name}`")]
pub struct LineError {
    name: String,
    #[source]
    source: io::Error,
}

/// A running line. Dropping it flushes what waits and removes the device; the caller has ended the
/// redirection before.
#[derive(Debug)]
pub struct Line {
    stop: Arc<EventFd>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    forwarded: AtomicU64,
    discarded: AtomicU64,
    failed: AtomicU64,
    overflowed: AtomicU64,
    bytes: AtomicU64,
    /// Monotonic; when the loop last had nothing to do.
    empty_ns: AtomicU64,
}

impl Line {
    /// Starts the loop that moves word `position` of `leases` from now on.
    pub fn start(
        tap: Tap,
        back: Return,
        leases: Arc<Words>,
        position: usize,
        treatment: &Treatment,
        seed: u64,
    ) -> Result<Self, LineError> {
        let failed = |source| LineError {
            name: tap.name.clone(),
            source,
        };
        let stop = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|source| failed(source.into()))?;
        let stop = Arc::new(stop);
        let counts = Arc::new(Counts::default());
        let done = Work::begin(treatment, seed).map_err(failed)?;
        let name = tap.name.clone();
        let work = Loop {
            stop: stop.as_fd().try_clone_to_owned().map_err(failed)?,
            tap,
            _back: back,
            leases,
            position,
            done,
            queue: Queue::default(),
            counts: Arc::clone(&counts),
            buffers: Buffers::default(),
            waking: Waking::default(),
        };
        let thread = work.start().map_err(|source| LineError { name, source })?;
        Ok(Self {
            stop,
            counts,
            thread: Some(thread),
        })
    }

    pub fn report(&self) -> LineReport {
        LineReport {
            forwarded: self.counts.forwarded.load(Ordering::Relaxed),
            discarded: self.counts.discarded.load(Ordering::Relaxed),
            failed: self.counts.failed.load(Ordering::Relaxed),
            overflowed: self.counts.overflowed.load(Ordering::Relaxed),
            bytes: self.counts.bytes.load(Ordering::Relaxed),
        }
    }

    /// Whether everything that came before `since_ns`, monotonic, has been given back.
    pub fn is_done_with(&self, since_ns: u64) -> bool {
        self.counts.empty_ns.load(Ordering::Relaxed) > since_ns
    }

    /// Flushes what waits, removes the device, and says what the line did in all.
    pub fn finish(mut self) -> LineReport {
        self.end();
        self.report()
    }

    fn end(&mut self) {
        // Writing to an event counter fails only when it is full, and then it is set already.
        let _full = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}

/// Bytes that may wait: 10 Gbit/s for 200 ms.
const ROOM: usize = 256 << 20;
/// A pause after which what waited is outdated: no TCP sends again earlier (`TCP_RTO_MIN`). After a shorter one
/// it is late, which is better than lost.
const OUTDATED: Duration = Duration::from_millis(200);
/// Packets read before those that became due meanwhile are written.
const BATCH: usize = 32;

struct Loop {
    stop: OwnedFd,
    /// Declared before the device: detached while it is still there.
    _back: Return,
    tap: Tap,
    leases: Arc<Words>,
    position: usize,
    done: Work,
    queue: Queue,
    counts: Arc<Counts>,
    buffers: Buffers,
    waking: Waking,
}

impl Loop {
    /// Turns in a thread of its own, and holds its lease when this returns.
    fn start(self) -> io::Result<JoinHandle<()>> {
        let (turning, begun) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(format!("line-{}", self.position))
            .spawn(move || self.run(&turning))?;
        // Until the loop holds its lease, packets would pass undelayed. A loop that has panicked
        // hangs up, and its lease says so.
        let _hung_up = begun.recv();
        Ok(thread)
    }

    /// Tells `turning` as soon as it holds its lease.
    fn run(mut self, turning: &SyncSender<()>) {
        schedule::urgent();
        let mut last_ns = monotonic_ns();
        self.leases.store(self.position, last_ns + nanos(LEASE));
        // There is room for this one, and whoever started us listens.
        let _told = turning.try_send(());
        loop {
            let now_ns = monotonic_ns();
            if now_ns.saturating_sub(last_ns) > nanos(OUTDATED) {
                self.resume(now_ns);
            }
            last_ns = now_ns;
            self.leases.store(self.position, now_ns + nanos(LEASE));
            let drained = self.read_batch();
            self.write_due(monotonic_ns());
            if !drained {
                continue;
            }
            if self.queue.is_empty() {
                self.counts.empty_ns.store(now_ns, Ordering::Relaxed);
            }
            if self.wait() {
                break;
            }
        }
        self.leases.store(self.position, 0);
        while !self.read_batch() {}
        self.write_due(u64::MAX);
    }

    /// This process was stopped: what is overdue has been sent again by its sender meanwhile.
    fn resume(&mut self, now_ns: u64) {
        let mut discarded = self.queue.discard_overdue(now_ns);
        while matches!(self.tap.device.read(self.buffers.room()), Ok(length) if length > 0) {
            discarded += 1;
        }
        self.counts
            .discarded
            .fetch_add(discarded, Ordering::Relaxed);
    }

    /// Reads what has arrived, a batch at most; true if nothing is left.
    fn read_batch(&mut self) -> bool {
        for _ in 0..BATCH {
            match self.tap.device.read(self.buffers.room()) {
                Ok(length) => {
                    self.take(length);
                }
                Err(interrupted) if interrupted.kind() == io::ErrorKind::Interrupted => {}
                Err(_drained_or_gone) => return true,
            }
        }
        false
    }

    /// Has the frame of `length` bytes wait that has been read.
    fn take(&mut self, length: usize) {
        let mut frame = self.buffers.take(length);
        let due_ns = self.done.due_ns(monotonic_ns(), &mut frame);
        if let Some(due_ns) = due_ns.filter(|_| self.queue.bytes() < ROOM) {
            self.queue.push(due_ns, frame);
        } else {
            self.counts.overflowed.fetch_add(1, Ordering::Relaxed);
            self.buffers.give_back(frame);
        }
    }

    fn write_due(&mut self, now_ns: u64) {
        while let Some((_due_ns, frame)) = self.queue.pop_due(now_ns) {
            let count = match self.tap.device.write(&frame) {
                Ok(length) => {
                    let bytes = length.saturating_sub(HEADER) as u64;
                    self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
                    &self.counts.forwarded
                }
                Err(_refused) => &self.counts.failed,
            };
            count.fetch_add(1, Ordering::Relaxed);
            self.buffers.give_back(frame);
        }
    }

    /// Sleeps until there is something to do; true if the line is to stop.
    fn wait(&mut self) -> bool {
        let begun_ns = monotonic_ns();
        let timeout = self.queue.wait(begun_ns, LEASE / 4);
        // The rest of the time passes in this loop, awake.
        let asleep = self.waking.sleep(timeout);
        let ready = poll::wait_readable([self.tap.device.as_fd(), self.stop.as_fd()], asleep);
        let Ok([tap, stop]) = ready else {
            return false;
        };
        if !asleep.is_zero() && tap.is_empty() && stop.is_empty() {
            let slept = Duration::from_nanos(monotonic_ns().saturating_sub(begun_ns));
            self.waking.note(slept.saturating_sub(asleep));
        }
        stop.contains(PollFlags::POLLIN)
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
