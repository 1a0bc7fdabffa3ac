//! How long callers sleep, one after the other.

use std::io;
use std::time::Duration;

use injector_core::fault::syscall::{Outcome, Sleep};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use super::latencies::Latencies;

/// Draws sleeps, the same ones for the same seed.
#[derive(Debug)]
pub struct Naps {
    latencies: Latencies,
    cap: Duration,
    random: SmallRng,
}

impl Naps {
    /// None for calls whose callers do not sleep.
    pub fn of(outcome: &Outcome, seed: u64) -> io::Result<Option<Self>> {
        let Outcome::Delays(sleep) = outcome else {
            return Ok(None);
        };
        let Sleep { latency, cap, .. } = &**sleep;
        let mut random = SmallRng::seed_from_u64(seed);
        Ok(Some(Self {
            latencies: Latencies::new(latency, None, &mut random)?,
            cap: *cap,
            random,
        }))
    }

    /// The next one, nanoseconds.
    pub fn next_ns(&mut self) -> u64 {
        let cap = u64::try_from(self.cap.as_nanos()).unwrap_or(u64::MAX);
        self.latencies.draw(&mut self.random).min(cap)
    }
}
