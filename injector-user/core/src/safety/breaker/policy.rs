//! What a breaker is asked to do.

use std::time::Duration;

/// The thresholds of a breaker and whether it may try again.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Bad samples in a row that trip; 0 switches this dimension off.
    pub consecutive: u32,
    /// The sliding window.
    pub window: Window,
    /// With it, an open breaker arms the faults again, weaker; without it, opening is final.
    pub rearm: Option<Rearm>,
}

/// The latest samples, and how many bad ones among them trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// How many samples are remembered; 0 switches this dimension off.
    pub samples: u32,
    /// Bad samples among them that trip; 0 switches this dimension off.
    pub failures: u32,
    /// Samples needed before this dimension may trip.
    pub minimum: u32,
}

/// How an open breaker tries again.
#[derive(Debug, Clone, PartialEq)]
pub struct Rearm {
    /// How long to wait before each attempt.
    pub backoff: Backoff,
    /// Attempts over the whole experiment.
    pub attempts: u32,
    /// What the intensity is multiplied by at each attempt, in `(0, 1]`.
    pub scale: f64,
    /// Good samples in a row that end the probation.
    pub probation: u32,
}

/// Exponential back-off with jitter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The first wait.
    pub initial: Duration,
    /// What each wait is multiplied by, at least 1.
    pub factor: f64,
    /// The longest wait, before jitter.
    pub max: Duration,
    /// How far a wait may be moved, as a part of itself, in `[0, 1]`.
    pub jitter: f64,
}

impl Backoff {
    /// The wait before attempt `attempt`, counted from 0.
    pub fn wait(&self, attempt: u32, seed: u64) -> Duration {
        let grown = self.initial.as_secs_f64() * self.factor.powf(f64::from(attempt));
        let capped = grown.min(self.max.as_secs_f64());
        let moved = capped * (1.0 + self.jitter * signed_unit(seed, attempt));
        Duration::try_from_secs_f64(moved.max(0.0)).unwrap_or(self.max)
    }
}

/// A number in `[-1, 1]` that depends only on its arguments (the finaliser of splitmix64).
fn signed_unit(seed: u64, index: u32) -> f64 {
    let mut x = seed
        ^ u64::from(index)
            .wrapping_add(1)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let top = u32::try_from((x ^ (x >> 31)) >> 32).unwrap_or(u32::MAX);
    f64::from(top) / f64::from(u32::MAX) * 2.0 - 1.0
}
