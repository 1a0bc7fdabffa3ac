//! The forwarding loop: read, wait, write back, and move the lease by doing so.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::PollFlags;
use nix::sys::eventfd::{EfdFlags, EventFd};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand_distr::{Distribution as _, Normal, Uniform};

use super::LEASE;
use super::queue::Queue;
use super::tap::Tap;
use crate::clock::monotonic_ns;
use crate::loader::Return;
use crate::sys::words::Words;
use crate::sys::{poll, schedule};

/// How long each packet waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    Fixed(Duration),
    /// Every value within `jitter` of `latency` is as likely.
    Uniform {
        latency: Duration,
        jitter: Duration,
    },
    /// `jitter` is the standard deviation; what would be negative is 0.
    Normal {
        latency: Duration,
        jitter: Duration,
    },
}

/// What the line did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LineReport {
    /// Packets given back.
    pub forwarded: u64,
    /// Packets thrown away because this process had been stopped while they waited.
    pub discarded: u64,
    /// Packets that the kernel did not take back.
    pub failed: u64,
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
}

impl Line {
    /// Starts the loop that moves word `position` of `leases` from now on.
    pub fn start(
        tap: Tap,
        back: Return,
        leases: Arc<Words>,
        position: usize,
        latency: Latency,
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
        let sampler = Sampler::new(latency, seed).map_err(failed)?;
        let name = tap.name.clone();
        let work = Loop {
            stop: stop.as_fd().try_clone_to_owned().map_err(failed)?,
            tap,
            _back: back,
            leases,
            position,
            sampler,
            queue: Queue::default(),
            counts: Arc::clone(&counts),
            scratch: vec![0; LARGEST_FRAME],
        };
        let thread = std::thread::Builder::new()
            .name(format!("line-{position}"))
            .spawn(move || work.run())
            .map_err(|source| LineError { name, source })?;
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
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Writing to an event counter fails only when it is full, and then it is set already.
        let _full = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// A virtio header, an Ethernet header with two VLAN tags, and the largest IP packet.
const LARGEST_FRAME: usize = 10 + 22 + 65_536;
/// Packets read before those that became due meanwhile are written.
const BATCH: usize = 32;

struct Loop {
    stop: OwnedFd,
    /// Declared before the device: detached while it is still there.
    _back: Return,
    tap: Tap,
    leases: Arc<Words>,
    position: usize,
    sampler: Sampler,
    queue: Queue,
    counts: Arc<Counts>,
    scratch: Vec<u8>,
}

impl Loop {
    fn run(mut self) {
        schedule::urgent();
        let mut last_ns = monotonic_ns();
        loop {
            let now_ns = monotonic_ns();
            if now_ns.saturating_sub(last_ns) > nanos(LEASE) {
                self.resume(now_ns);
            }
            last_ns = now_ns;
            self.leases.store(self.position, now_ns + nanos(LEASE));
            let drained = self.read_batch();
            self.write_due(monotonic_ns());
            if drained && self.wait() {
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
        while matches!(self.tap.device.read(&mut self.scratch), Ok(length) if length > 0) {
            discarded += 1;
        }
        self.counts
            .discarded
            .fetch_add(discarded, Ordering::Relaxed);
    }

    /// Reads what has arrived, a batch at most; true if nothing is left.
    fn read_batch(&mut self) -> bool {
        for _ in 0..BATCH {
            match self.tap.device.read(&mut self.scratch) {
                Ok(length) => {
                    let due_ns = monotonic_ns() + self.sampler.sample();
                    let frame = self.scratch.get(..length).unwrap_or_default();
                    self.queue.push(due_ns, frame);
                }
                Err(interrupted) if interrupted.kind() == io::ErrorKind::Interrupted => {}
                Err(_drained_or_gone) => return true,
            }
        }
        false
    }

    fn write_due(&mut self, now_ns: u64) {
        while let Some((_due_ns, frame)) = self.queue.pop_due(now_ns) {
            let count = match self.tap.device.write(&frame) {
                Ok(_length) => &self.counts.forwarded,
                Err(_refused) => &self.counts.failed,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sleeps until there is something to do; true if the line is to stop.
    fn wait(&self) -> bool {
        let longest = LEASE / 4;
        let timeout = self.queue.wait(monotonic_ns(), longest);
        let ready = poll::wait_readable([self.tap.device.as_fd(), self.stop.as_fd()], timeout);
        matches!(ready, Ok([_tap, stop]) if stop.contains(PollFlags::POLLIN))
    }
}

#[derive(Debug)]
struct Sampler {
    shape: Shape,
    random: SmallRng,
}

#[derive(Debug)]
enum Shape {
    Fixed(u64),
    Uniform(Uniform<u64>),
    Normal(Normal<f64>),
}

impl Sampler {
    fn new(latency: Latency, seed: u64) -> io::Result<Self> {
        let shape = match latency {
            Latency::Fixed(latency) => Shape::Fixed(nanos(latency)),
            Latency::Uniform { latency, jitter } => {
                let (middle, half) = (nanos(latency), nanos(jitter));
                let low = middle.saturating_sub(half);
                let range = Uniform::new_inclusive(low, middle + half);
                Shape::Uniform(range.map_err(io::Error::other)?)
            }
            Latency::Normal { latency, jitter } => {
                let normal = Normal::new(seconds(latency), seconds(jitter));
                Shape::Normal(normal.map_err(io::Error::other)?)
            }
        };
        Ok(Self {
            shape,
            random: SmallRng::seed_from_u64(seed),
        })
    }

    /// Nanoseconds.
    fn sample(&mut self) -> u64 {
        match &self.shape {
            Shape::Fixed(latency) => *latency,
            Shape::Uniform(range) => range.sample(&mut self.random),
            Shape::Normal(normal) => {
                let seconds = normal.sample(&mut self.random).clamp(0.0, LONGEST_SECONDS);
                nanos(Duration::from_secs_f64(seconds))
            }
        }
    }
}

/// Far beyond any latency that can be asked for: keeps an outlier of the normal distribution finite.
const LONGEST_SECONDS: f64 = 60.0;

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Latency, Sampler};

    const LATENCY: Duration = Duration::from_millis(20);
    const JITTER: Duration = Duration::from_millis(5);

    /// Mean and standard deviation of many samples, in milliseconds.
    fn moments(latency: Latency) -> (f64, f64) {
        let mut sampler = Sampler::new(latency, 7).unwrap();
        let samples: Vec<f64> = (0..100_000)
            .map(|_| Duration::from_nanos(sampler.sample()).as_secs_f64() * 1e3)
            .collect();
        let count = 100_000.0;
        let mean = samples.iter().sum::<f64>() / count;
        let variance = samples.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }

    #[test]
    fn uniform_jitter_is_the_half_width() {
        let (mean, deviation) = moments(Latency::Uniform {
            latency: LATENCY,
            jitter: JITTER,
        });
        assert!((mean - 20.0).abs() < 0.05, "mean {mean}");
        // Half width over the square root of three.
        assert!(
            (deviation - 5.0 / 3_f64.sqrt()).abs() < 0.05,
            "deviation {deviation}"
        );
    }

    #[test]
    fn normal_jitter_is_the_standard_deviation() {
        let (mean, deviation) = moments(Latency::Normal {
            latency: LATENCY,
            jitter: JITTER,
        });
        assert!((mean - 20.0).abs() < 0.1, "mean {mean}");
        assert!((deviation - 5.0).abs() < 0.1, "deviation {deviation}");
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let latency = Latency::Uniform {
            latency: LATENCY,
            jitter: JITTER,
        };
        let draw = || {
            let mut sampler = Sampler::new(latency, 42).unwrap();
            (0..100).map(|_| sampler.sample()).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }
}
