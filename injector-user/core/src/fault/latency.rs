//! How long something is held back, and how that varies.

use std::collections::BTreeMap;
use std::time::Duration;

use super::given::{Reader, between};
use crate::problem::Invalid;
use crate::units::{format_duration, parse_duration};
use crate::words::words;

/// The shortest that can be asked for.
pub const SHORTEST: Duration = Duration::from_micros(10);

/// How many samples a measured distribution may have.
const MAX_SAMPLES: usize = 4096;

/// A time, or times that vary around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    /// From [`SHORTEST`] to what the fault allows.
    pub mean: Duration,
    /// `0s..=mean`: half the width if uniform, the standard deviation if normal or measured.
    pub jitter: Duration,
    pub shape: Shape,
}

/// How the held-back time varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distribution {
    /// Anything in `latency ± jitter` is equally likely.
    Uniform,
    /// The jitter is the standard deviation; what would be below zero is zero.
    Normal,
    /// netem's: few packets come much later than most. See [`Shape::Pareto`].
    Pareto,
    /// That of the given samples.
    Measured,
}

words!(Distribution, "a distribution", {
    Uniform => "uniform",
    Normal => "normal",
    Pareto => "pareto",
    Measured => "measured",
});

/// A distribution with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    Uniform,
    Normal,
    /// The Pareto distribution of exponent 3 as iproute2 tabulates it: `(u^(-1/3) - 3/2) * 4/3` for a
    /// uniform u, times the jitter, at most four of them.
    Pareto,
    /// The samples less their mean, over their standard deviation, times the jitter.
    Measured(Vec<Duration>),
}

impl Latency {
    /// One that does not vary.
    pub fn constant(mean: Duration) -> Self {
        Self {
            mean,
            jitter: Duration::ZERO,
            shape: Shape::Uniform,
        }
    }

    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>, longest: Duration) -> Option<Self> {
        let mean = reader.required("latency", |text| between(text, SHORTEST, longest));
        let jitter = reader.or("jitter", Duration::ZERO, |text| {
            between(text, Duration::ZERO, longest)
        });
        if let Some(mean) = mean.filter(|mean| jitter > *mean) {
            let latency = format_duration(mean);
            let invalid = Invalid::saying(format!(
                "a jitter of {} is more than the latency of {latency}",
                format_duration(jitter)
            ));
            reader.conflict("jitter", invalid.hint(format!("at most {latency}")));
        }
        let shape = shape(reader);
        if reader.has("distribution") {
            check_jitter(reader, "distribution", "a distribution");
        }
        Some(Self {
            mean: mean?,
            jitter,
            shape: shape?,
        })
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            mean,
            jitter,
            shape,
        } = self;
        let plain = *shape == Shape::Uniform;
        let samples = match shape {
            Shape::Measured(samples) => {
                let samples: Vec<_> = samples.iter().map(|one| format_duration(*one)).collect();
                Some(samples.join(","))
            }
            Shape::Uniform | Shape::Normal | Shape::Pareto => None,
        };
        let rows = [
            ("latency", Some(format_duration(*mean))),
            (
                "jitter",
                (!plain || !jitter.is_zero()).then(|| format_duration(*jitter)),
            ),
            (
                "distribution",
                (!plain).then(|| shape.distribution().to_string()),
            ),
            ("samples", samples),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }

    /// The same times `factor`, in `(0, 1]`.
    #[must_use]
    pub fn shortened(&self, factor: f64) -> Self {
        let scaled = |duration: Duration| {
            Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(duration)
        };
        let mean = scaled(self.mean).max(SHORTEST);
        Self {
            mean,
            jitter: scaled(self.jitter).min(mean),
            shape: self.shape.clone(),
        }
    }
}

/// Reports what means nothing while nothing varies.
pub(super) fn check_jitter(reader: &mut Reader<'_>, name: &str, noun: &str) {
    if !reader.has("jitter") {
        let invalid = Invalid::saying(format!("{noun} means nothing without jitter"));
        reader.conflict(name, invalid.hint("add `jitter`, for example 5ms"));
    }
}

impl Shape {
    pub fn distribution(&self) -> Distribution {
        match self {
            Self::Uniform => Distribution::Uniform,
            Self::Normal => Distribution::Normal,
            Self::Pareto => Distribution::Pareto,
            Self::Measured(_) => Distribution::Measured,
        }
    }
}

/// `None` only if a problem was reported.
fn shape(reader: &mut Reader<'_>) -> Option<Shape> {
    let distribution = reader.or("distribution", Distribution::Uniform, str::parse);
    let measured = distribution == Distribution::Measured;
    if reader.has("samples") && !measured {
        let invalid = Invalid::saying("samples are of a measured distribution");
        reader.conflict("samples", invalid.hint("add `distribution: measured`"));
    }
    Some(match distribution {
        Distribution::Uniform => Shape::Uniform,
        Distribution::Normal => Shape::Normal,
        Distribution::Pareto => Shape::Pareto,
        Distribution::Measured => {
            if !reader.has("samples") {
                reader.missing("samples");
            }
            Shape::Measured(reader.optional("samples", samples)?)
        }
    })
}

fn samples(text: &str) -> Result<Vec<Duration>, Invalid> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.len() > MAX_SAMPLES {
        return Err(
            Invalid::saying(format!("{} samples are too many", parts.len())).hint(format!(
                "at most {MAX_SAMPLES}: every so many of them say the same"
            )),
        );
    }
    let samples = parts.into_iter().map(parse_duration);
    let samples = samples.collect::<Result<Vec<_>, _>>()?;
    if samples.iter().all(|one| Some(one) == samples.first()) {
        return Err(Invalid::saying("the samples do not vary")
            .hint("at least two that differ, such as 10ms,12ms"));
    }
    Ok(samples)
}
