//! One latency after the other.

use std::io;
use std::time::Duration;

use injector_core::fault::latency::{Latency, Shape};
use injector_core::units::Probability;
use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand_distr::StandardNormal;
use statrs::function::erf::erfc;

/// Draws latencies, the same ones from the same random numbers.
#[derive(Debug)]
pub struct Latencies {
    /// Nanoseconds.
    mean: f64,
    /// Nanoseconds.
    jitter: f64,
    quantile: Quantile,
    correlation: f64,
    /// The last normal number.
    last: f64,
}

/// What a uniform number becomes, in units of the jitter.
#[derive(Debug)]
enum Quantile {
    Uniform,
    Normal,
    Pareto,
    /// Sorted, of mean 0 and deviation 1.
    Measured(Vec<f64>),
}

/// Far beyond any latency that can be asked for: keeps an outlier of the normal distribution finite.
const LONGEST_NS: f64 = 60e9;

impl Latencies {
    pub fn new(
        latency: &Latency,
        correlation: Option<Probability>,
        random: &mut SmallRng,
    ) -> io::Result<Self> {
        let quantile = match &latency.shape {
            Shape::Uniform => Quantile::Uniform,
            Shape::Normal => Quantile::Normal,
            Shape::Pareto => Quantile::Pareto,
            Shape::Measured(samples) => Quantile::Measured(normalised(samples)?),
        };
        Ok(Self {
            mean: nanoseconds(latency.mean),
            jitter: nanoseconds(latency.jitter),
            quantile,
            correlation: correlation.map_or(0.0, Probability::get),
            last: random.sample(StandardNormal),
        })
    }

    /// Nanoseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what fits"
    )]
    pub fn draw(&mut self, random: &mut SmallRng) -> u64 {
        let varied = if self.jitter > 0.0 {
            self.jitter * self.deviation(random)
        } else {
            0.0
        };
        (self.mean + varied).clamp(0.0, LONGEST_NS).round() as u64
    }

    fn deviation(&mut self, random: &mut SmallRng) -> f64 {
        let fresh: f64 = random.sample(StandardNormal);
        let rest = (1.0 - self.correlation * self.correlation).sqrt();
        let normal = self.correlation * self.last + rest * fresh;
        self.last = normal;
        match &self.quantile {
            Quantile::Normal => normal,
            Quantile::Uniform => 2.0 * uniform(normal) - 1.0,
            Quantile::Pareto => pareto(uniform(-normal)),
            Quantile::Measured(sorted) => nearest(sorted, uniform(normal)),
        }
    }
}

/// The share of normal numbers below this one.
pub(crate) fn uniform(normal: f64) -> f64 {
    0.5 * erfc(-normal / std::f64::consts::SQRT_2)
}

/// iproute2's table `pareto`, whose entries are 16-bit numbers in units of 1/8192: four at most.
fn pareto(share: f64) -> f64 {
    const LARGEST: f64 = 32_767.0 / 8_192.0;
    ((share.powf(-1.0 / 3.0) - 1.5) * 4.0 / 3.0).min(LARGEST)
}

#[expect(clippy::cast_precision_loss, reason = "some thousands of samples")]
fn normalised(samples: &[Duration]) -> io::Result<Vec<f64>> {
    let samples: Vec<f64> = samples.iter().copied().map(nanoseconds).collect();
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let variance = samples.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    if deviation.is_nan() || deviation <= 0.0 {
        return Err(io::Error::other("the samples do not vary"));
    }
    let mut sorted: Vec<f64> = samples.iter().map(|one| (one - mean) / deviation).collect();
    sorted.sort_by(f64::total_cmp);
    Ok(sorted)
}

/// Each sample as likely as any other.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into some thousands"
)]
fn nearest(sorted: &[f64], share: f64) -> f64 {
    let index = (share * sorted.len() as f64) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(index.min(last)).copied().unwrap_or(0.0)
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
