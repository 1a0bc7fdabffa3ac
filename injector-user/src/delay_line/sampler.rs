//! How long each packet waits: in the order of netem, some overtake others.

use std::io;

use injector_core::fault::net::{Delay, Reorder};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::latency::Latencies;

/// Draws delays, the same ones for the same seed.
#[derive(Debug)]
pub(super) struct Sampler {
    latencies: Latencies,
    reorder: Option<Reorder>,
    /// Packets since the last one that overtook.
    since: u32,
    random: SmallRng,
}

impl Sampler {
    pub(super) fn new(delay: &Delay, seed: u64) -> io::Result<Self> {
        let mut random = SmallRng::seed_from_u64(seed);
        Ok(Self {
            latencies: Latencies::new(&delay.latency, delay.correlation, &mut random)?,
            reorder: delay.reorder,
            since: 0,
            random,
        })
    }

    /// Nanoseconds.
    pub(super) fn sample(&mut self) -> u64 {
        if self.overtakes() {
            return 0;
        }
        self.latencies.draw(&mut self.random)
    }

    /// netem's order of questions: the gap first, then the dice.
    fn overtakes(&mut self) -> bool {
        let Some(Reorder { probability, gap }) = self.reorder else {
            return false;
        };
        self.since = self.since.saturating_add(1);
        let overtakes = self.since >= gap && self.random.random::<f64>() < probability.get();
        if overtakes {
            self.since = 0;
        }
        overtakes
    }
}
