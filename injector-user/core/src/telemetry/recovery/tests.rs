use std::time::Duration;

use super::{FaultTimes, Moment, Recovering, Recovery};
use crate::telemetry::{Baseline, Frame, Histogram, History, Series, Statistic, Value, named};

const SECOND: u64 = 1_000_000_000;
const WEB: &str = "container:web";

/// What a target does in a second.
#[derive(Clone, Copy)]
struct Doing {
    calls: u64,
    millis: u64,
    failed: u64,
}

const WELL: Doing = Doing {
    calls: 100,
    millis: 2,
    failed: 0,
};
const SLOW: Doing = Doing { millis: 80, ..WELL };
const FAILING: Doing = Doing { failed: 40, ..WELL };
const IDLE: Doing = Doing { calls: 0, ..WELL };

/// A target's counters.
#[derive(Default)]
struct Target {
    second: u64,
    calls: u64,
    failed: u64,
    durations: Histogram,
    /// By how much the wall clock was moved.
    clock: i64,
}

fn series(metric: &str, labels: &[&str]) -> Series {
    let labels = labels.iter().map(|&label| label.to_owned()).collect();
    Series::of(named(metric).unwrap(), labels).unwrap()
}

impl Target {
    fn does(&mut self, doing: Doing) -> Frame {
        self.second += 1;
        self.calls += doing.calls;
        self.failed += doing.failed;
        (0..doing.calls).for_each(|_| self.durations.record(doing.millis * 1_000_000));
        let failed = series("syscall_errors", &[WEB, "read", "EIO"]);
        let took = series("syscall_duration", &[WEB, "read"]);
        let values = [
            (series("syscalls", &[WEB, "read"]), Value::Count(self.calls)),
            (failed, Value::Count(self.failed)),
            (took, Value::Durations(self.durations.clone())),
        ];
        Frame {
            at_ns: self.second * SECOND,
            unix_ns: (self.second * SECOND).saturating_add_signed(self.clock),
            values: values.into(),
        }
    }

    fn all(&mut self, seconds: impl IntoIterator<Item = Doing>) -> Vec<Frame> {
        seconds.into_iter().map(|doing| self.does(doing)).collect()
    }
}

/// Twenty seconds, well, and what is natural then.
fn well(window: u64) -> (Target, Baseline, Vec<Frame>) {
    let mut target = Target::default();
    let frames = target.all([WELL; 20]);
    let mut history = History::default();
    for frame in &frames {
        history.push(frame).unwrap();
    }
    let window = Duration::from_secs(window);
    let baseline = Baseline::take(&history, (WEB, "here"), (0, u64::MAX), window).unwrap();
    (target, baseline, frames)
}

fn moment(second: u64) -> Moment {
    Moment {
        at_ns: second * SECOND,
        unix_ns: second * SECOND,
    }
}

/// From the end of second 20 to the end of second 30.
fn ten_seconds() -> FaultTimes {
    FaultTimes {
        armed: moment(19),
        injected: Some(moment(20)),
        ended: Some(moment(30)),
    }
}

fn recovery(times: FaultTimes, after: impl IntoIterator<Item = Doing>) -> Recovery {
    let (mut target, baseline, mut frames) = well(1);
    frames.extend(target.all(after));
    Recovery::of(times, &baseline, frames)
}

fn stretch(parts: &[(Doing, usize)]) -> Vec<Doing> {
    let parts = parts.iter();
    parts
        .flat_map(|(doing, seconds)| std::iter::repeat_n(*doing, *seconds))
        .collect()
}

fn seconds(duration: Option<Duration>) -> Option<u64> {
    duration.map(|duration| duration.as_secs())
}

#[track_caller]
fn check(recovery: &Recovery, detect: Option<u64>, recover: Option<u64>) {
    let found = (
        seconds(recovery.time_to_detect()),
        seconds(recovery.time_to_recover()),
    );
    assert_eq!(found, (detect, recover), "{recovery:#?}");
}

#[test]
fn a_fault_is_felt_and_recovered_from() {
    let after = stretch(&[(WELL, 2), (SLOW, 11), (WELL, 10)]);
    let recovery = recovery(ten_seconds(), after);
    // Slow from second 23 to 33.
    check(&recovery, Some(3), Some(4));
    assert_eq!(recovery.onset, Some(moment(20)));
    assert_eq!(recovery.effect_ended, Some(moment(30)));
    let breached: Vec<_> = recovery
        .breaches
        .iter()
        .map(|breach| breach.statistic)
        .collect();
    assert_eq!(breached, [Statistic::P50, Statistic::P99]);
    let worst = recovery.breaches[0].worst;
    assert!((0.077..0.083).contains(&worst), "{worst}");
}

#[test]
fn the_worst_of_several_counts() {
    let both = Doing { failed: 40, ..SLOW };
    let after = stretch(&[(both, 10), (FAILING, 5), (WELL, 10)]);
    let found = recovery(ten_seconds(), after);
    check(&found, Some(1), Some(6));
    let of = |statistic| {
        let mut breaches = found.breaches.iter();
        breaches
            .find(|breach| breach.statistic == statistic)
            .unwrap()
            .recovered
    };
    assert_eq!(of(Statistic::P99), Some(moment(31)));
    assert_eq!(of(Statistic::Failing), Some(moment(36)));
}

#[test]
fn what_is_never_felt_is_never_detected() {
    check(&recovery(ten_seconds(), stretch(&[(WELL, 40)])), None, None);
}

#[test]
fn one_frame_outside_is_no_breach() {
    let after = stretch(&[(WELL, 3), (SLOW, 1), (WELL, 20)]);
    check(&recovery(ten_seconds(), after), None, None);
}

#[test]
fn what_never_comes_back_has_not_recovered() {
    let found = recovery(ten_seconds(), stretch(&[(SLOW, 60)]));
    check(&found, Some(1), None);
    assert_eq!(found.breaches[0].recovered, None);
}

#[test]
fn what_comes_back_for_too_short_a_time_has_not_recovered() {
    let swinging = [
        (SLOW, 10),
        (WELL, 4),
        (SLOW, 2),
        (WELL, 4),
        (SLOW, 2),
        (WELL, 5),
    ];
    check(
        &recovery(ten_seconds(), stretch(&swinging)),
        Some(1),
        Some(13),
    );
    check(
        &recovery(ten_seconds(), stretch(&swinging[..5])),
        Some(1),
        None,
    );
}

#[test]
fn what_came_back_before_the_end_took_no_time() {
    let after = stretch(&[(SLOW, 3), (WELL, 20)]);
    let found = recovery(ten_seconds(), after);
    check(&found, Some(1), Some(0));
    assert_eq!(found.recovered, Some(moment(24)));
}

#[test]
fn a_latency_without_calls_neither_breaches_nor_returns() {
    // No calls are a breach of their rate.
    let found = recovery(ten_seconds(), stretch(&[(SLOW, 5), (IDLE, 30)]));
    check(&found, Some(1), None);
    let rates = found
        .breaches
        .iter()
        .filter(|breach| breach.statistic == Statistic::Rate);
    assert_eq!(
        rates.map(|breach| breach.detected).collect::<Vec<_>>(),
        [moment(26)]
    );
    assert!(
        found
            .breaches
            .iter()
            .all(|breach| breach.recovered.is_none())
    );
}

#[test]
fn nothing_injected_is_nothing_felt() {
    let times = FaultTimes {
        injected: None,
        ..ten_seconds()
    };
    let found = recovery(times, stretch(&[(SLOW, 30)]));
    check(&found, None, None);
    assert!(found.breaches.is_empty());
}

#[test]
fn nothing_has_recovered_from_what_lasts() {
    let times = FaultTimes {
        ended: None,
        ..ten_seconds()
    };
    check(
        &recovery(times, stretch(&[(SLOW, 3), (WELL, 30)])),
        Some(1),
        None,
    );
}

#[test]
fn what_nobody_saw_is_no_return() {
    let (mut target, baseline, mut frames) = well(1);
    let after = target.all(stretch(&[(SLOW, 10), (WELL, 12)]));
    // Frames of the seconds 34 to 36 are missing; 37 has none before it.
    let seen = after
        .into_iter()
        .filter(|frame| !(34..37).contains(&(frame.at_ns / SECOND)));
    frames.extend(seen);
    let recovery = Recovery::of(ten_seconds(), &baseline, frames);
    check(&recovery, Some(1), Some(8));
}

#[test]
fn a_clock_that_is_set_changes_no_duration() {
    let (mut target, baseline, mut frames) = well(1);
    frames.extend(target.all(stretch(&[(SLOW, 5)])));
    target.clock = -3_600 * 1_000_000_000;
    frames.extend(target.all(stretch(&[(SLOW, 8), (WELL, 8)])));
    let recovery = Recovery::of(ten_seconds(), &baseline, frames);
    check(&recovery, Some(1), Some(4));
    let recovered = recovery.recovered.unwrap();
    assert_eq!((recovered.at_ns, recovered.unix_ns), (34 * SECOND, 0));
}

#[test]
fn longer_windows_tell_later_by_a_window_at_most() {
    let (mut target, baseline, mut frames) = well(2);
    frames.extend(target.all(stretch(&[(SLOW, 10), (WELL, 10)])));
    let recovery = Recovery::of(ten_seconds(), &baseline, frames);
    check(&recovery, Some(1), Some(2));
    assert_eq!(recovery.window_ns, 2 * SECOND);
}

#[test]
fn frames_may_come_one_by_one_and_twice() {
    let (mut target, baseline, mut frames) = well(1);
    frames.extend(target.all(stretch(&[(SLOW, 10), (WELL, 20)])));
    let mut times = ten_seconds();
    let ended = times.ended.take();
    let mut recovering = Recovering::new(times, &baseline);
    for frame in &frames {
        recovering.push(frame);
        recovering.push(frame);
        if frame.at_ns == 30 * SECOND {
            assert!(!recovering.is_over());
            times.ended = ended;
            recovering.learn(times);
        }
        assert_eq!(
            recovering.is_over(),
            frame.at_ns >= 35 * SECOND,
            "{}",
            frame.at_ns
        );
    }
    let all = Recovery::of(times, &baseline, frames);
    assert_eq!(recovering.so_far(), all);
    let text = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Recovery>(&text).unwrap(), all);
}
