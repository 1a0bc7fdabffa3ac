//! `net.delay`: packets are held back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::filter::{Direction, Filter};
use crate::fault::given::{Reader, between};
use crate::problem::Invalid;
use crate::units::{Probability, format_duration, parse_duration};
use crate::words::words;

const MIN_LATENCY: Duration = Duration::from_micros(10);
const MAX_LATENCY: Duration = Duration::from_secs(10);

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

/// Some packets are not held back, and so overtake others: netem's `reorder` and `gap`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reorder {
    /// The chance that a packet overtakes.
    pub probability: Probability,
    /// Of so many packets only the last may, at least 1.
    pub gap: u32,
}

/// Packets are held back.
#[derive(Clone, Debug, PartialEq)]
pub struct Delay {
    pub filter: Filter,
    /// `10us..=10s`.
    pub latency: Duration,
    /// `0s..=latency`: half the width if uniform, the standard deviation if normal or measured.
    pub jitter: Duration,
    pub shape: Shape,
    /// Between the latency of one packet and the next one's, as coefficient of the normal numbers that
    /// they are made from: `0..1`.
    pub correlation: Option<Probability>,
    pub reorder: Option<Reorder>,
}

/// How many samples a measured distribution may have.
const MAX_SAMPLES: usize = 4096;

impl Delay {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let filter = Filter::read(reader, Direction::Out);
        let latency = reader.required("latency", |text| between(text, MIN_LATENCY, MAX_LATENCY));
        let jitter = reader.or("jitter", Duration::ZERO, |text| {
            between(text, Duration::ZERO, MAX_LATENCY)
        });
        if latency.is_some_and(|latency| jitter > latency) {
            let latency = latency.map(format_duration).unwrap_or_default();
            let invalid = Invalid::saying(format!(
                "a jitter of {} is more than the latency of {latency}",
                format_duration(jitter)
            ));
            reader.conflict("jitter", invalid.hint(format!("at most {latency}")));
        }
        let shape = shape(reader);
        let correlation = reader.optional("correlation", str::parse);
        for (name, noun) in [
            ("distribution", "a distribution"),
            ("correlation", "a correlation"),
        ] {
            if reader.has(name) && !reader.has("jitter") {
                let invalid = Invalid::saying(format!("{noun} means nothing without jitter"));
                reader.conflict(name, invalid.hint("add `jitter`, for example 5ms"));
            }
        }
        let reorder = reorder(reader);
        Some(Self {
            filter,
            latency: latency?,
            jitter,
            shape: shape?,
            correlation,
            reorder,
        })
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            filter,
            latency,
            jitter,
            shape,
            correlation,
            reorder,
        } = self;
        filter.write(params, Direction::Out);
        let shaped = *shape != Shape::Uniform || correlation.is_some();
        let samples = match shape {
            Shape::Measured(samples) => {
                let samples: Vec<_> = samples.iter().map(|one| format_duration(*one)).collect();
                Some(samples.join(","))
            }
            Shape::Uniform | Shape::Normal | Shape::Pareto => None,
        };
        let rows = [
            ("latency", Some(format_duration(*latency))),
            (
                "jitter",
                (shaped || !jitter.is_zero()).then(|| format_duration(*jitter)),
            ),
            (
                "distribution",
                (*shape != Shape::Uniform).then(|| shape.distribution().to_string()),
            ),
            ("samples", samples),
            ("correlation", correlation.map(|one| one.to_string())),
            ("reorder", reorder.map(|one| one.probability.to_string())),
            ("gap", reorder.map(|one| one.gap.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
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

fn reorder(reader: &mut Reader<'_>) -> Option<Reorder> {
    let probability = reader.optional("reorder", str::parse);
    let gap = reader.optional("gap", |text| match text.parse() {
        Ok(gap) if gap > 0 && !text.starts_with('+') => Ok(gap),
        _ => Err(
            Invalid::saying(format!("`{text}` is not a number of packets"))
                .hint("a whole number from 1 on"),
        ),
    });
    if probability.is_none() && gap.is_none() {
        return None;
    }
    // What tc(8) takes for the one that is not given.
    Some(Reorder {
        probability: probability.unwrap_or(Probability::ALWAYS),
        gap: gap.unwrap_or(1),
    })
}
