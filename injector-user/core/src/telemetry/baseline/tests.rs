use std::time::Duration;

use proptest::prelude::*;

use super::band::Band;
use super::sample::Sample;
use super::{Baseline, Statistic};
use crate::telemetry::{Frame, Histogram, History, Series, Value, named};

const SECOND: u64 = 1_000_000_000;
const WEB: &str = "container:web";

fn series(metric: &str, labels: &[&str]) -> Series {
    let labels = labels.iter().map(|&label| label.to_owned()).collect();
    Series::of(named(metric).unwrap(), labels).unwrap()
}

fn connects() -> Series {
    series("syscalls", &[WEB, "connect"])
}

fn durations() -> Series {
    series("syscall_duration", &[WEB, "connect"])
}

fn band(statistic: Statistic, values: &[f64]) -> Band {
    let series = match statistic {
        Statistic::Rate | Statistic::Failing => connects(),
        Statistic::P50 | Statistic::P99 => durations(),
    };
    let samples: Vec<_> = values
        .iter()
        .map(|&value| Sample {
            value,
            ..Sample::NONE
        })
        .collect();
    Band::of(series, statistic, &samples, 5.0).unwrap()
}

#[track_caller]
fn check(band: &Band, low: f64, high: f64, outside: u64) {
    let off = (band.low - low).abs().max((band.high - high).abs());
    assert!(off < 1e-4, "{low} {high} {band:?}");
    assert_eq!(band.outside, outside);
}

#[test]
fn a_spike_does_not_make_the_band_wider() {
    let values = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 100.0];
    // The distances from 14 are 0 1 1 2 2 3 3 4 86.
    let found = band(Statistic::Rate, &values);
    assert_eq!(
        (found.median.to_bits(), found.deviation.to_bits()),
        (14_f64.to_bits(), 2_f64.to_bits())
    );
    check(
        &found,
        14.0 - 3.0 * 1.4826 * 2.0,
        14.0 + 3.0 * 1.4826 * 2.0,
        1,
    );
}

#[test]
fn what_never_changes_has_the_width_of_chance() {
    // 20 events in 5 s, and one more: 3 √21 of them.
    let chance = 3.0 * 21_f64.sqrt() / 5.0;
    check(
        &band(Statistic::Rate, &[4.0; 9]),
        4.0 - chance,
        4.0 + chance,
        0,
    );
    check(&band(Statistic::Rate, &[0.0; 9]), 0.0, 0.6, 0);
    check(&band(Statistic::P99, &[0.016; 9]), 0.015, 0.017, 0);
}

#[test]
fn what_is_seldom_seen_is_natural_too() {
    let mut values = [0.0; 9];
    values[4] = 7.0;
    check(&band(Statistic::Rate, &values), 0.0, 7.0, 0);
}

#[test]
fn failing_calls_have_the_width_of_chance() {
    let samples = [Sample {
        value: 0.0,
        hits: 0,
        trials: 100,
    }; 10];
    let found = Band::of(connects(), Statistic::Failing, &samples, 5.0).unwrap();
    let failures = found.failures.unwrap();
    assert_eq!((failures.failed, failures.calls), (0, 1_000));
    // 0 of n have at most 1 - (0.0005)^(1/n).
    let most = 1.0 - 0.000_5_f64.powf(0.001);
    assert!((failures.high - most).abs() < 1e-9, "{failures:?}");
    check(&found, 0.0, 3.0 * (most * (1.0 - most) / 100.0).sqrt(), 0);
    assert!(found.is_inside(0.01) && !found.is_inside(0.04), "{found:?}");
}

/// 20 connects a second, one of them fails in every third; reads from second 30 on.
fn web(seconds: impl IntoIterator<Item = u64>) -> History {
    let mut history = History::default();
    let mut histogram = Histogram::default();
    for n in seconds {
        (0..20).for_each(|_| histogram.record(2_000_000));
        let error = series("syscall_errors", &[WEB, "connect", "ECONNREFUSED"]);
        let mut frame = Frame {
            at_ns: n * SECOND,
            unix_ns: (1_000 + n) * SECOND,
            ..Frame::default()
        };
        frame.values.insert(connects(), Value::Count(20 * n));
        frame.values.insert(error, Value::Count(n / 3));
        frame
            .values
            .insert(durations(), Value::Durations(histogram.clone()));
        frame
            .values
            .insert(series("syscalls", &["host", "read"]), Value::Count(n));
        if n >= 30 {
            let reads = series("syscalls", &[WEB, "read"]);
            frame.values.insert(reads, Value::Count(50));
        }
        history.push(&frame).unwrap();
    }
    history
}

fn take(history: &History) -> Result<Baseline, crate::problem::Invalid> {
    let all = (0, u64::MAX);
    Baseline::take(history, (WEB, "here"), all, Duration::from_secs(5))
}

#[test]
fn a_baseline_has_a_band_for_each_statistic_of_the_target() {
    let baseline = take(&web(0..61)).unwrap();
    let found: Vec<_> = baseline
        .bands
        .iter()
        .map(|band| {
            (
                band.series.metric().name,
                band.series.label("syscall").unwrap(),
                band.statistic,
            )
        })
        .collect();
    let expected = [
        ("syscalls", "connect", Statistic::Rate),
        ("syscalls", "connect", Statistic::Failing),
        ("syscalls", "read", Statistic::Rate),
        ("syscall_errors", "connect", Statistic::Rate),
        ("syscall_duration", "connect", Statistic::P50),
        ("syscall_duration", "connect", Statistic::P99),
    ];
    assert_eq!(found, expected);
    // Reads were made in one window of twelve: nothing can be said of which part of them fails.
    assert_eq!(
        (baseline.windows, baseline.skipped, baseline.too_few),
        (12, 0, 1)
    );
    assert_eq!(
        (baseline.from_unix_ns, baseline.to_unix_ns),
        (1_000 * SECOND, 1_060 * SECOND)
    );
    let reads = baseline
        .band(&series("syscalls", &[WEB, "read"]), Statistic::Rate)
        .unwrap();
    assert_eq!((reads.samples, reads.max.to_bits()), (12, 10_f64.to_bits()));
    let failing = baseline
        .band(&connects(), Statistic::Failing)
        .unwrap()
        .failures
        .unwrap();
    assert_eq!((failing.failed, failing.calls), (20, 1_200));
    let p99 = baseline.band(&durations(), Statistic::P99).unwrap();
    assert!(p99.is_inside(0.002) && !p99.is_inside(0.003), "{p99:?}");
}

#[test]
fn windows_with_frames_missing_at_their_ends_are_skipped() {
    let baseline = take(&web((0..21).chain(40..61))).unwrap();
    assert_eq!((baseline.windows, baseline.skipped), (8, 1));
    let connects = baseline.band(&connects(), Statistic::Rate).unwrap();
    assert_eq!(
        (connects.min.to_bits(), connects.max.to_bits()),
        (20_f64.to_bits(), 20_f64.to_bits())
    );
}

#[test]
fn a_kept_baseline_is_read_as_it_was_written() {
    let baseline = take(&web(0..61)).unwrap();
    let text = serde_json::to_string(&baseline).unwrap();
    assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
    let other = text.replace("\"version\":1", "\"version\":2");
    let error = serde_json::from_str::<Baseline>(&other)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("a baseline of version 2, and version 1 is what can be read"),
        "{error}"
    );
}

#[track_caller]
fn check_refused(found: Result<Baseline, crate::problem::Invalid>, message: &str, hint: &str) {
    let invalid = found.unwrap_err();
    assert_eq!(
        (invalid.message.as_str(), invalid.hint.as_str()),
        (message, hint)
    );
}

#[test]
fn what_cannot_be_told_is_refused() {
    check_refused(
        take(&web(0..36)),
        "7 windows of 5s are too few to tell what is natural",
        "8 at least: observe for 40s or longer, without gaps",
    );
    let take = |target, seconds| {
        let window = Duration::from_secs(seconds);
        Baseline::take(&web(0..61), (target, "here"), (0, u64::MAX), window)
    };
    check_refused(
        take("container:wbe", 5),
        "`container:wbe` was not observed in this time",
        "did you mean `container:web`",
    );
    check_refused(
        take(WEB, 301),
        "301s is no window of a baseline",
        "from 1s to 5m: a frame is made each second",
    );
}

#[test]
fn a_value_is_explained_beside_what_is_natural() {
    let baseline = take(&web(0..61)).unwrap();
    let p99 = baseline.band(&durations(), Statistic::P99).unwrap();
    assert_eq!(
        p99.explain(0.050),
        "p99 of syscall_duration where target=container:web, syscall=connect is 50ms, above what is \
         natural: 1.87ms to 2.12ms (median 2ms of 12 windows, of which 0 outside)"
    );
}

#[test]
fn bands_are_no_more_than_is_said() {
    let mut history = History::default();
    for n in 0..11 {
        let values = (0..3_000).map(|call| {
            (
                series("syscall_moved", &[WEB, &format!("{call}")]),
                Value::Count(n),
            )
        });
        let frame = Frame {
            at_ns: n * SECOND,
            unix_ns: 0,
            values: values.collect(),
        };
        history.push(&frame).unwrap();
    }
    let all = (0, u64::MAX);
    let baseline = Baseline::take(&history, (WEB, "here"), all, Baseline::SHORTEST).unwrap();
    assert_eq!(
        (baseline.bands.len(), baseline.left_out),
        (Baseline::MOST_BANDS, 952)
    );
}

proptest! {
    #[test]
    fn most_of_what_was_seen_is_natural(values in proptest::collection::vec(0.0..1e6_f64, 1..60)) {
        for statistic in [Statistic::Rate, Statistic::P50] {
            let band = band(statistic, &values);
            prop_assert!(band.is_inside(band.median), "{band:?}");
            prop_assert!(band.outside * 2 <= band.samples, "{band:?}");
            prop_assert!(band.min <= band.median && band.median <= band.max, "{band:?}");
        }
    }
}
