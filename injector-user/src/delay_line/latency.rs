//! How long a packet waits: fixed, or drawn from a distribution as netem defines it.

use std::io;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand_distr::{Distribution as _, Normal, Uniform};

use super::line::nanos;

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

/// Draws delays, the same ones for the same seed.
#[derive(Debug)]
pub(super) struct Sampler {
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
    pub(super) fn new(latency: Latency, seed: u64) -> io::Result<Self> {
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
    pub(super) fn sample(&mut self) -> u64 {
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
