//! What the matching series of a time say together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::expression::{Condition, Selection};
use crate::telemetry::window::since;
use crate::telemetry::{Frame, Histogram, History, Series, Value};
use crate::units::nanoseconds;

/// How much older than the time asked for the frame may be from which changes are counted: frames come
/// each second, some a little late.
const SLACK_NS: u64 = 1_500_000_000;

/// What came together over a time.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Between the frames that were looked at.
    pub(super) span: Duration,
    /// That were looked at.
    pub(super) frames: u64,
    /// Of those, in the time asked for; one before it may be what changes are counted from.
    pub(super) inside: u64,
    /// Sum of what counters have grown by, and of how many durations have come.
    pub(super) count: u64,
    pub(super) durations: Histogram,
    /// The greatest gauge of each frame.
    pub(super) gauges: Vec<f64>,
    /// The same of the newest frame.
    pub(super) gauge: Option<f64>,
    /// Series that matched in some frame.
    pub(super) series: usize,
    /// Whether the newest frame knows of the target, whatever of it.
    pub(super) is_observed: bool,
}

/// Going from frame to frame.
#[derive(Debug, Default)]
struct Walk {
    gathered: Gathered,
    matched: BTreeSet<Series>,
    /// Of the frame before.
    before: BTreeMap<Series, Value>,
    first_ns: u64,
}

/// Adds up the series that meet the conditions, the metric's own and `also`. From frame to frame, so that
/// an observer that began anew between them loses nothing that a frame has.
pub(super) fn gather(
    history: &History,
    selection: &Selection,
    also: &[Condition],
    at_ns: u64,
    over: Duration,
) -> Gathered {
    let from_ns = at_ns.saturating_sub(nanoseconds(over));
    let mut walk = Walk::default();
    let matches = |series: &Series| {
        selection.matches(series) && also.iter().all(|condition| condition.is_met_by(series))
    };
    history.walk(from_ns, at_ns, |frame| {
        if frame.at_ns.saturating_add(SLACK_NS) >= from_ns {
            walk.step(frame, selection, matches);
            walk.gathered.is_observed = is_observed(frame, selection, also);
            // A gauge is of the time asked for, not of the frame before it.
            if frame.at_ns < from_ns {
                walk.gathered.gauges.clear();
                walk.gathered.gauge = None;
            } else {
                walk.gathered.inside += 1;
            }
        }
    });
    walk.gathered.series = walk.matched.len();
    walk.gathered
}

impl Walk {
    fn step(&mut self, frame: &Frame, selection: &Selection, matches: impl Fn(&Series) -> bool) {
        let gathered = &mut self.gathered;
        let is_first = gathered.frames == 0;
        if is_first {
            self.first_ns = frame.at_ns;
        }
        gathered.frames += 1;
        gathered.span = Duration::from_nanos(frame.at_ns - self.first_ns);
        gathered.gauge = None;
        let mut now = BTreeMap::new();
        for (series, value) in frame.of(selection.metric) {
            if !matches(series) {
                continue;
            }
            if let Value::Now(gauge) = value
                && !gauge.is_nan()
            {
                gathered.gauge = Some(gathered.gauge.map_or(*gauge, |other| other.max(*gauge)));
            }
            if !is_first {
                gathered.add(&since(value, self.before.get(series)));
            }
            if !self.matched.contains(series) {
                self.matched.insert(series.clone());
            }
            now.insert(series.clone(), value.clone());
        }
        gathered.gauges.extend(gathered.gauge);
        self.before = now;
    }
}

impl Gathered {
    fn add(&mut self, change: &Value) {
        self.count = self.count.saturating_add(change.count());
        if let Value::Durations(histogram) = change {
            self.durations.merge(histogram);
        }
    }
}

/// Whether the frame has anything of the same signal and target.
fn is_observed(frame: &Frame, selection: &Selection, also: &[Condition]) -> bool {
    let conditions = selection.conditions.iter().chain(also);
    let targets: Vec<_> = conditions.filter(|one| one.label == "target").collect();
    frame.values.keys().any(|series| {
        series.metric().signal == selection.metric.signal
            && targets.iter().all(|target| target.is_met_by(series))
    })
}
