//! What of a frame is exposed if it is more than a scraper should be given.

use std::collections::{BTreeMap, BTreeSet};

use injector_core::telemetry::{Frame, METRICS, Metric, MetricKind, Series};

use super::encode::lines;

/// Series of what is observed in one exposition, as Prometheus counts them: a histogram is 29. Those of the
/// engine and its faults are not among them: there are at most 64 faults.
pub const MOST_SERIES: usize = 20_000;

/// The series of one metric about one target: exposed all together, or not at all.
type Group<'a> = (Rank, &'static str, &'a str);

/// What goes first keeps its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Number,
    Durations,
    /// How many there are others decide: whoever the target talks to.
    Peers,
}

/// What has room.
#[derive(Debug)]
pub(super) struct Room<'a> {
    without: BTreeSet<Group<'a>>,
    /// Series that have none.
    pub(super) dropped: usize,
}

impl<'a> Room<'a> {
    /// Numbers before durations, those before who talks to whom; then by the names of metrics and targets,
    /// so that it is the same at each scrape.
    pub(super) fn of(frame: &'a Frame, most: usize) -> Self {
        let mut sizes: BTreeMap<Group<'a>, usize> = BTreeMap::new();
        for (series, _value) in METRICS.iter().flat_map(|metric| frame.of(metric)) {
            *sizes.entry(group(series)).or_default() += lines(series.metric().kind);
        }
        let mut room = Self {
            without: BTreeSet::new(),
            dropped: 0,
        };
        let mut left = most;
        for (group, size) in sizes {
            if let Some(rest) = left.checked_sub(size) {
                left = rest;
            } else {
                room.dropped += size;
                room.without.insert(group);
            }
        }
        room
    }

    pub(super) fn has(&self, series: &Series) -> bool {
        self.without.is_empty() || !self.without.contains(&group(series))
    }
}

fn group(series: &Series) -> Group<'_> {
    let metric = series.metric();
    let target = series.label("target").unwrap_or_default();
    (rank(metric), metric.name, target)
}

fn rank(metric: &Metric) -> Rank {
    if metric.position("peer").is_some() {
        Rank::Peers
    } else if metric.kind == MetricKind::Histogram {
        Rank::Durations
    } else {
        Rank::Number
    }
}
