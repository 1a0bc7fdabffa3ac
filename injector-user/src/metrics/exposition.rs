//! From what the engine says to text.

use std::fmt;

use injector_core::telemetry::{Frame, METRICS, Metric, Value};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::catalogue::{DROPPED, ENGINE, FAULTS, OBSERVER_UP, UP};
use super::encode::metric;
use super::logged::{LOGS, Lines};
use super::room::{MOST_SERIES, Room};
use super::row::Row;
use crate::protocol::{EngineStatus, FaultReport};

/// What is known at one scrape.
#[derive(Debug, Default)]
pub struct Scraped {
    /// None if no engine runs and answers.
    pub status: Option<(EngineStatus, Vec<FaultReport>)>,
    pub seen: Seen,
    /// What is logged, if logs are followed.
    pub logged: Vec<Lines>,
}

/// What is observed.
#[derive(Debug, Default)]
pub enum Seen {
    /// Nobody asked for it.
    #[default]
    Nothing,
    /// It was asked for and could not be had.
    Missing,
    Frame(Box<Frame>),
}

impl Scraped {
    /// As `OpenMetrics` text.
    #[must_use]
    pub fn text(self) -> String {
        let mut registry = Registry::with_prefix("temblor");
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _infallible = encode(&mut text, &registry);
        text
    }
}

impl Collector for Scraped {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        number(encoder, &UP, u64::from(self.status.is_some()))?;
        if let Some((engine, faults)) = &self.status {
            rows(encoder, ENGINE, &[engine])?;
            // What is only counted injects nothing.
            let acting = faults.iter().filter(|fault| !fault.rehearsal);
            rows(encoder, FAULTS, &acting.collect::<Vec<_>>())?;
        }
        rows(encoder, LOGS, &self.logged.iter().collect::<Vec<_>>())?;
        match &self.seen {
            Seen::Nothing => Ok(()),
            Seen::Missing => number(encoder, &OBSERVER_UP, 0),
            Seen::Frame(frame) => {
                number(encoder, &OBSERVER_UP, 1)?;
                observed(encoder, frame)
            }
        }
    }
}

fn number(encoder: &mut DescriptorEncoder<'_>, of: &Metric, number: u64) -> fmt::Result {
    metric(encoder, of, [(&[][..], &Value::Count(number))])
}

/// Every metric of a table, with a series for each of these.
pub(super) fn rows<T>(
    encoder: &mut DescriptorEncoder<'_>,
    rows: &[Row<T>],
    of: &[&T],
) -> fmt::Result {
    for row in rows {
        let known = of
            .iter()
            .filter_map(|one| Some(((row.labels)(one), row.value(one)?)));
        let known: Vec<(Vec<String>, Value)> = known.collect();
        let series = known
            .iter()
            .map(|(labels, value)| (labels.as_slice(), value));
        metric(encoder, &row.metric, series)?;
    }
    Ok(())
}

fn observed(encoder: &mut DescriptorEncoder<'_>, frame: &Frame) -> fmt::Result {
    let room = Room::of(frame, MOST_SERIES);
    for of in METRICS {
        let series = frame.of(of).filter(|(series, _value)| room.has(series));
        let series = series.map(|(series, value)| (series.labels.as_slice(), value));
        metric(encoder, of, series)?;
    }
    let dropped = u64::try_from(room.dropped).unwrap_or(u64::MAX);
    number(encoder, &DROPPED, dropped)
}
