//! What was between two moments.

use std::time::Duration;

use super::frame::{Frame, Series, Value};
use super::histogram::Histogram;

/// Two frames of one observer, the earlier one first.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    pub from: &'a Frame,
    pub to: &'a Frame,
}

impl<'a> Window<'a> {
    /// By the clock that nobody sets.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.to.at_ns.saturating_sub(self.from.at_ns))
    }

    /// Every series at the end, with what has come meanwhile; gauges as they are at the end.
    pub fn changes(&self) -> impl Iterator<Item = (&'a Series, Value)> {
        let from = self.from;
        let to = self.to.values.iter();
        to.map(move |(series, value)| (series, since(value, from.values.get(series))))
    }

    /// So many in a second; 0 in no time.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate has fewer digits")]
    pub fn rate(&self, count: u64) -> f64 {
        self.per_second(count as f64)
    }

    /// So much in a second; 0 in no time.
    #[must_use]
    pub fn per_second(&self, much: f64) -> f64 {
        let seconds = self.duration().as_secs_f64();
        if seconds > 0.0 { much / seconds } else { 0.0 }
    }
}

/// A count that has shrunk began anew.
pub(super) fn since(now: &Value, before: Option<&Value>) -> Value {
    match (now, before) {
        (Value::Count(now), Some(Value::Count(before))) => {
            Value::Count(now.checked_sub(*before).unwrap_or(*now))
        }
        (Value::Durations(now), Some(Value::Durations(before))) => {
            Value::Durations(now.since(before))
        }
        (Value::Durations(now), _) => Value::Durations(now.since(&Histogram::default())),
        (now, _) => now.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Series, Value, Window};
    use crate::telemetry::METRICS;

    fn frame(at_ns: u64, count: u64) -> Frame {
        let series = Series::of(&METRICS[0], vec!["host".to_owned(), "read".to_owned()]).unwrap();
        Frame {
            at_ns,
            unix_ns: 0,
            values: [(series, Value::Count(count))].into(),
        }
    }

    fn check(before: u64, after: u64, expected: u64) {
        let (from, to) = (frame(1_000_000_000, before), frame(3_000_000_000, after));
        let window = Window {
            from: &from,
            to: &to,
        };
        let change = window.changes().next().unwrap().1;
        assert_eq!(change, Value::Count(expected));
        assert!((window.rate(10) - 5.0).abs() < f64::EPSILON);
    }

    #[test]
    fn counts_are_told_by_what_came_meanwhile() {
        check(5, 9, 4);
        check(0, 9, 9);
    }

    #[test]
    fn what_shrank_began_anew() {
        check(9, 4, 4);
    }
}
