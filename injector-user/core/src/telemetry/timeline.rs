//! How the statistics of some targets went over a time, to be kept with the record of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::baseline::Statistic;
use super::frame::{Frame, Series};
use super::history::History;
use super::window::Window;
use crate::units::nanoseconds;

/// One statistic of one series, window by window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub series: Series,
    pub statistic: Statistic,
    /// Monotonic nanoseconds of a window's end, and the value: in seconds, things or bytes a second, or
    /// parts of 1. Windows in which there was none are left out.
    pub points: Vec<(u64, f64)>,
}

/// Some lines; the rest is counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// How long each window was; a little longer where a frame came late.
    pub window_ns: u64,
    /// [`Self::MOST_LINES`] at most, in the order of the metrics' reference.
    pub lines: Vec<Line>,
    /// Lines for which there was no room: those of which least happened.
    pub left_out: u64,
}

/// A line, and how much of it happened.
#[derive(Debug, Default)]
struct Drawn {
    points: Vec<(u64, f64)>,
    events: u64,
}

impl Timeline {
    pub const MOST_LINES: usize = 128;
    /// Of each line; windows are longer where the time is.
    pub const MOST_POINTS: u32 = 300;
    /// That are looked at.
    const MOST_DRAWN: usize = 4_096;

    /// What the frames between two moments say of these targets; lines that are `wanted` come before
    /// others if there are too many.
    #[must_use]
    pub fn of(
        history: &History,
        (from_ns, to_ns): (u64, u64),
        targets: &BTreeSet<String>,
        wanted: impl Fn(&Series) -> bool,
    ) -> Self {
        let (first, last) = history.span().unwrap_or_default();
        let (begins, ends) = (first.max(from_ns), last.min(to_ns));
        let span = Duration::from_nanos(ends.saturating_sub(begins));
        let window_ns = nanoseconds(Duration::from_secs(1).max(span / Self::MOST_POINTS));
        let mut all: BTreeMap<(Series, Statistic), Drawn> = BTreeMap::new();
        let mut left_out = BTreeSet::new();
        let mut begin: Option<Frame> = None;
        for frame in history.between(from_ns, to_ns) {
            let Some(from) = begin.take() else {
                begin = Some(frame);
                continue;
            };
            // Frames come each second, some a little early.
            if frame.at_ns - from.at_ns < window_ns - SLACK_NS {
                begin = Some(from);
                continue;
            }
            let window = Window {
                from: &from,
                to: &frame,
            };
            draw(&mut all, &mut left_out, &window, targets);
            begin = Some(frame);
        }
        let unseen = u64::try_from(left_out.len()).unwrap_or(u64::MAX);
        Self::best(window_ns, all, unseen, wanted)
    }

    fn best(
        window_ns: u64,
        all: BTreeMap<(Series, Statistic), Drawn>,
        unseen: u64,
        wanted: impl Fn(&Series) -> bool,
    ) -> Self {
        let mut ranked: Vec<_> = all.into_iter().collect();
        ranked.sort_by_cached_key(|((series, statistic), drawn)| {
            let rank = (wanted(series), drawn.events);
            (std::cmp::Reverse(rank), series.clone(), *statistic)
        });
        let rest = ranked.len().saturating_sub(Self::MOST_LINES);
        ranked.truncate(Self::MOST_LINES);
        ranked.sort_by(|(left, _), (right, _)| left.cmp(right));
        let line = |((series, statistic), drawn): ((Series, Statistic), Drawn)| Line {
            series,
            statistic,
            points: drawn.points,
        };
        Self {
            window_ns,
            lines: ranked.into_iter().map(line).collect(),
            left_out: unseen.saturating_add(u64::try_from(rest).unwrap_or(u64::MAX)),
        }
    }
}

const SLACK_NS: u64 = 500_000_000;

fn draw(
    all: &mut BTreeMap<(Series, Statistic), Drawn>,
    left_out: &mut BTreeSet<(Series, Statistic)>,
    window: &Window<'_>,
    targets: &BTreeSet<String>,
) {
    let is_theirs = |series: &&Series| {
        let target = series.label("target");
        target.is_some_and(|target| targets.contains(target))
    };
    for series in window.to.values.keys().filter(is_theirs) {
        for statistic in Statistic::of(series) {
            let Some(sample) = statistic.sample(series, window) else {
                continue;
            };
            let key = (series.clone(), statistic);
            if all.len() >= Timeline::MOST_DRAWN && !all.contains_key(&key) {
                if left_out.len() < Timeline::MOST_DRAWN {
                    left_out.insert(key);
                }
                continue;
            }
            let drawn = all.entry(key).or_default();
            drawn.points.push((window.to.at_ns, sample.value));
            drawn.events = drawn.events.saturating_add(sample.trials);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Timeline;
    use crate::telemetry::{Frame, History, Series, Statistic, Value, named};

    const SECOND: u64 = 1_000_000_000;
    /// So long ago.
    const BOOTED: u64 = 1_000_000;
    const WEB: &str = "container:web";

    fn calls(target: &str, call: &str) -> Series {
        let labels = vec![target.to_owned(), call.to_owned()];
        Series::of(named("syscalls").unwrap(), labels).unwrap()
    }

    /// Each second as many calls of each name as its number; somebody else makes some too.
    fn history(seconds: u64, names: u64) -> History {
        let mut history = History::default();
        for second in 1..=seconds {
            let web = (0..names).map(|name| (calls(WEB, &name.to_string()), second * (name + 1)));
            let other = [(calls("container:db", "read"), second * 9_999)];
            let values = web.chain(other);
            let frame = Frame {
                at_ns: (BOOTED + second) * SECOND,
                unix_ns: second,
                values: values
                    .map(|(series, count)| (series, Value::Count(count)))
                    .collect(),
            };
            history.push(&frame).unwrap();
        }
        history
    }

    fn timeline(history: &History, wanted: Option<&str>) -> Timeline {
        let targets = BTreeSet::from([WEB.to_owned()]);
        let is_wanted = |series: &Series| series.label("syscall") == wanted;
        Timeline::of(history, (0, u64::MAX), &targets, is_wanted)
    }

    #[test]
    fn each_second_of_a_short_time_is_a_point() {
        let timeline = timeline(&history(10, 1), None);
        let rate = &timeline.lines[0];
        assert_eq!(
            (rate.series.clone(), rate.statistic),
            (calls(WEB, "0"), Statistic::Rate)
        );
        let points: Vec<_> = (2..=10)
            .map(|second| ((BOOTED + second) * SECOND, 1.0))
            .collect();
        assert_eq!(rate.points, points);
        assert_eq!((timeline.lines.len(), timeline.left_out), (2, 0));
    }

    #[test]
    fn a_long_time_has_no_more_points_and_loses_nothing_between() {
        let timeline = timeline(&history(3_000, 1), None);
        let points = &timeline.lines[0].points;
        let most = usize::try_from(Timeline::MOST_POINTS).unwrap();
        assert!(
            (most / 2..=most).contains(&points.len()),
            "{}",
            points.len()
        );
        assert!(
            points
                .iter()
                .all(|(_at, rate)| rate.to_bits() == 1.0_f64.to_bits())
        );
    }

    #[test]
    fn what_is_asked_for_and_happens_most_is_kept() {
        let timeline = timeline(&history(5, 200), Some("0"));
        assert_eq!(timeline.lines.len(), Timeline::MOST_LINES);
        // Of each call its rate and how many fail.
        assert_eq!(timeline.left_out, 400 - 128);
        let has = |name: &str| {
            timeline
                .lines
                .iter()
                .any(|line| line.series == calls(WEB, name))
        };
        assert!(has("0") && has("199") && !has("1") && !has("100"));
    }
}
