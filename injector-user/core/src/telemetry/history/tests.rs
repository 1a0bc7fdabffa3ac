use proptest::prelude::*;

use super::{History, Losses, Refused};
use crate::telemetry::{Frame, Histogram, METRICS, Series, Value};

const SECOND: u64 = 1_000_000_000;
/// Where the metric of calls stands in the reference: its series have two labels.
const CALLS: usize = 3;

fn series(metric: usize, names: &[&str]) -> Series {
    let metric = &METRICS[metric];
    let label = |at: usize| names.get(at).copied().unwrap_or("ENOENT").to_owned();
    Series::of(metric, (0..metric.labels.len()).map(label).collect()).unwrap()
}

fn frame(second: u64, values: impl IntoIterator<Item = (Series, Value)>) -> Frame {
    Frame {
        at_ns: second * SECOND,
        unix_ns: 1_700_000_000 * SECOND + second,
        values: values.into_iter().collect(),
    }
}

fn counting(second: u64) -> Frame {
    frame(
        second,
        [(series(CALLS, &["host", "read"]), Value::Count(second * 10))],
    )
}

fn any_value() -> impl Strategy<Value = Value> {
    let number = any::<f64>().prop_filter("NaN is not equal to itself", |it| !it.is_nan());
    let durations = proptest::collection::vec(any::<(u64, u8)>(), 0..12).prop_map(|durations| {
        let mut histogram = Histogram::default();
        for (ns, shift) in durations {
            histogram.record(ns >> (shift % 64) >> 8);
        }
        Value::Durations(histogram)
    });
    prop_oneof![
        any::<u64>().prop_map(Value::Count),
        (0..20_u64).prop_map(Value::Count),
        number.prop_map(Value::Now),
        durations,
    ]
}

fn any_frames(most: usize) -> impl Strategy<Value = Vec<Frame>> {
    let one = (0..METRICS.len(), 0..6_usize, any_value());
    let values = proptest::collection::vec(one, 0..12);
    let step = (1..3 * SECOND, any::<u64>(), values);
    proptest::collection::vec(step, 0..most).prop_map(|steps| {
        let mut at_ns = 0;
        let mut frames = Vec::new();
        for (later, unix_ns, values) in steps {
            at_ns += later;
            let calls = ["read", "write", "connect", "openat", "fsync", "close"];
            let values = values.into_iter();
            let values = values.map(|(metric, call, value)| {
                (series(metric, &["container:web", calls[call]]), value)
            });
            frames.push(Frame {
                at_ns,
                unix_ns,
                values: values.collect(),
            });
        }
        frames
    })
}

proptest! {
    #[test]
    fn what_comes_out_is_what_went_in(frames in any_frames(16), most in 1..20_usize) {
        let mut history = History::bounded(most, History::MOST_BYTES);
        for frame in &frames {
            history.push(frame).unwrap();
            prop_assert_eq!(history.latest(), Some(frame.clone()));
        }
        let kept = &frames[frames.len().saturating_sub(most)..];
        let all: Vec<_> = history.between(0, u64::MAX).collect();
        prop_assert_eq!(&all[..], kept);
        for (index, frame) in kept.iter().enumerate() {
            prop_assert_eq!(history.at(frame.at_ns), Some(frame.clone()));
            let before = index.checked_sub(1).map(|it| kept[it].clone());
            prop_assert_eq!(history.at(frame.at_ns - 1), before);
            let end = kept[index / 2].at_ns;
            let some: Vec<_> = history.between(end, frame.at_ns).collect();
            prop_assert_eq!(&some[..], &kept[index / 2..=index]);
            let mut walked = Vec::new();
            history.walk(end + 1, frame.at_ns, |frame| walked.push(frame.clone()));
            prop_assert_eq!(&walked[..], &kept[index / 2..=index]);
        }
    }

    #[test]
    fn no_frames_take_more_than_is_said(frames in any_frames(40), most in 3_000..12_000_usize) {
        let mut history = History::bounded(20, most);
        for frame in &frames {
            let before = (history.len(), history.bytes(), history.series());
            match history.push(frame) {
                Ok(()) => prop_assert_eq!(history.latest(), Some(frame.clone())),
                Err(_too_large) => {
                    prop_assert_eq!(before, (history.len(), history.bytes(), history.series()));
                }
            }
            prop_assert!(history.bytes() <= most, "{} > {most}", history.bytes());
            let kept = u64::try_from(history.len()).unwrap();
            let Losses { pressed_out, too_large, not_later } = history.losses();
            prop_assert_eq!(not_later, 0);
            prop_assert!(kept + pressed_out + too_large <= 40);
        }
        let known: std::collections::BTreeSet<_> =
            history.between(0, u64::MAX).flat_map(|frame| frame.values.into_keys()).collect();
        prop_assert_eq!(history.series(), known.len());
    }
}

#[test]
fn a_frame_that_is_not_later_is_refused_and_counted() {
    let mut history = History::default();
    history.push(&counting(5)).unwrap();
    for second in [5, 4] {
        let refused = history.push(&counting(second)).unwrap_err();
        let expected = Refused::NotLater {
            at_ns: second * SECOND,
            last_ns: 5 * SECOND,
        };
        assert_eq!(refused, expected);
    }
    assert_eq!((history.len(), history.losses().not_later), (1, 2));
}

#[test]
fn a_clock_that_is_set_back_changes_nothing() {
    let mut history = History::default();
    let (first, mut second) = (counting(1), counting(2));
    second.unix_ns = 7;
    history.push(&first).unwrap();
    history.push(&second).unwrap();
    let all: Vec<_> = history.between(0, u64::MAX).collect();
    assert_eq!(all, [first, second]);
}

#[test]
fn there_is_nothing_where_nothing_was_kept() {
    let mut history = History::default();
    assert_eq!((history.latest(), history.span()), (None, None));
    history.push(&counting(5)).unwrap();
    assert_eq!(history.at(5 * SECOND - 1), None);
    assert_eq!(history.between(6 * SECOND, 9 * SECOND).count(), 0);
    assert_eq!(history.between(9 * SECOND, 1).count(), 0);
    assert_eq!(history.span(), Some((5 * SECOND, 5 * SECOND)));
}

#[test]
fn the_oldest_goes_when_an_hour_is_full() {
    let mut history = History::default();
    for second in 1..=4_000 {
        history.push(&counting(second)).unwrap();
    }
    let span = (401 * SECOND, 4_000 * SECOND);
    assert_eq!((history.len(), history.span()), (3_600, Some(span)));
    assert_eq!(history.losses(), Losses::default());
    assert_eq!(history.at(401 * SECOND), Some(counting(401)));
}

#[test]
fn a_series_is_forgotten_with_the_last_frame_that_has_it() {
    let mut history = History::bounded(3, History::MOST_BYTES);
    let once = |second| {
        frame(
            second,
            [(series(CALLS, &["host", "fsync"]), Value::Count(1))],
        )
    };
    history.push(&once(1)).unwrap();
    let mut known = Vec::new();
    for second in 2..6 {
        history.push(&counting(second)).unwrap();
        known.push(history.series());
    }
    assert_eq!(known, [2, 2, 1, 1]);
}

#[test]
fn ever_new_labels_press_old_frames_out_and_stay_bounded() {
    let most = 1 << 20;
    let mut history = History::bounded(3_600, most);
    let longest = "x".repeat(100);
    for second in 1..=200 {
        let values = (0..100).map(|one| {
            let name = format!("container:{second}-{one}-{longest}");
            (series(CALLS, &[&name, "read"]), Value::Count(1))
        });
        history.push(&frame(second, values)).unwrap();
        assert!(history.bytes() <= most, "{} bytes", history.bytes());
    }
    let kept = u64::try_from(history.len()).unwrap();
    assert_eq!(history.losses().pressed_out + kept, 200);
    assert_eq!(history.series(), history.len() * 100);
}

#[test]
fn a_frame_that_never_fits_is_refused_and_leaves_nothing_behind() {
    let mut history = History::bounded(10, 8_000);
    history.push(&counting(1)).unwrap();
    let before = (history.bytes(), history.series());
    let values = (0..1_000_u64).map(|one| {
        (
            series(CALLS, &[&format!("pid:{one}"), "read"]),
            Value::Count(one),
        )
    });
    let refused = history.push(&frame(2, values)).unwrap_err();
    assert!(matches!(refused, Refused::TooLarge { most: 8_000, .. }));
    assert_eq!((history.bytes(), history.series()), before);
    assert_eq!(history.losses().too_large, 1);
    history.push(&counting(3)).unwrap();
    assert_eq!(history.len(), 2);
}
