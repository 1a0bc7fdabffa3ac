//! `net.delay`: packets are held back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::filter::{Direction, Filter};
use crate::fault::given::Reader;
use crate::fault::latency::{self, Latency};
use crate::problem::Invalid;
use crate::units::{Probability, format_duration};

const MAX_LATENCY: Duration = Duration::from_secs(10);

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
    /// Of at most 10 s.
    pub latency: Latency,
    /// Between the latency of one packet and the next one's, as coefficient of the normal numbers that
    /// they are made from: `0..1`.
    pub correlation: Option<Probability>,
    pub reorder: Option<Reorder>,
}

impl Delay {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let filter = Filter::read(reader, Direction::Out);
        let latency = Latency::read(reader, MAX_LATENCY);
        let correlation = reader.optional("correlation", str::parse);
        if reader.has("correlation") {
            latency::check_jitter(reader, "correlation", "a correlation");
        }
        let reorder = reorder(reader);
        Some(Self {
            filter,
            latency: latency?,
            correlation,
            reorder,
        })
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            filter,
            latency,
            correlation,
            reorder,
        } = self;
        filter.write(params, Direction::Out);
        latency.write(params);
        if correlation.is_some() {
            // It means nothing without.
            params.insert("jitter".to_owned(), format_duration(latency.jitter));
        }
        let rows = [
            ("correlation", correlation.map(|one| one.to_string())),
            ("reorder", reorder.map(|one| one.probability.to_string())),
            ("gap", reorder.map(|one| one.gap.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
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
