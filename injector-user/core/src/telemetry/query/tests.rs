use std::time::Duration;

use proptest::prelude::*;

use super::gather::Gathered;
use super::{Answer, Asked, Claim, Expression, Function, Missing, Quantity, Selection, Verdict};
use crate::telemetry::{
    Frame, Histogram, History, Metric, MetricKind, Series, Signal, Unit, Value, named,
};

const SECOND: u64 = 1_000_000_000;

fn series(metric: &str, labels: &[&str]) -> Series {
    let labels = labels.iter().map(|&label| label.to_owned()).collect();
    Series::of(named(metric).unwrap(), labels).unwrap()
}

fn history(frames: impl IntoIterator<Item = (u64, Vec<(Series, Value)>)>) -> History {
    let mut history = History::default();
    for (second, values) in frames {
        let frame = Frame {
            at_ns: second * SECOND,
            unix_ns: 0,
            values: values.into_iter().collect(),
        };
        history.push(&frame).unwrap();
    }
    history
}

/// In second n: 10 n connects and 100 n reads of the web server, n connects refused, a third as many
/// timed out, each connect 1 ms long, the last of each second 50 ms.
fn web(seconds: std::ops::Range<u64>) -> History {
    let mut durations = Histogram::default();
    let frames = seconds.map(|n| {
        for _ in 0..9 {
            durations.record(1_000_000);
        }
        durations.record(50_000_000);
        let web = "container:web";
        let values = vec![
            (series("syscalls", &[web, "connect"]), Value::Count(10 * n)),
            (series("syscalls", &[web, "read"]), Value::Count(100 * n)),
            (
                series("syscall_errors", &[web, "connect", "ECONNREFUSED"]),
                Value::Count(n),
            ),
            (
                series("syscall_errors", &[web, "connect", "ETIMEDOUT"]),
                Value::Count(n / 3),
            ),
            (
                series("syscall_duration", &[web, "connect"]),
                Value::Durations(durations.clone()),
            ),
            (
                series("syscall_moved", &[web, "read"]),
                Value::Count(6_400 * n),
            ),
        ];
        (n, values)
    });
    history(frames)
}

fn ask(text: &str, history: &History, second: u64) -> Answer {
    let expression: Expression = text.parse().unwrap();
    expression.measure(history, second * SECOND)
}

#[track_caller]
fn check(text: &str, value: f64, quantity: Quantity, series: usize, samples: u64) {
    match ask(text, &web(0..31), 30) {
        Answer::Measured(measured) => {
            let off = (measured.value - value).abs();
            assert!(off <= value * 0.032 + 1e-12, "{text}: {measured:?}");
            let rest = (measured.quantity, measured.series, measured.samples);
            assert_eq!(rest, (quantity, series, samples), "{text}");
        }
        Answer::NoData(none) => panic!("{text}: {none}"),
    }
}

#[test]
fn series_are_put_together() {
    check(
        "syscalls where syscall=connect",
        10.0,
        Quantity::PerSecond,
        1,
        11,
    );
    check("syscalls", 110.0, Quantity::PerSecond, 2, 11);
    check(
        "increase syscalls where syscall=read over 5s",
        500.0,
        Quantity::Number,
        1,
        6,
    );
    check(
        "syscall_errors where errno=ECONNREFUSED|ETIMEDOUT over 30s",
        4.0 / 3.0,
        Quantity::PerSecond,
        2,
        31,
    );
    check("p50 syscall_duration", 0.001, Quantity::Seconds, 1, 100);
    check(
        "syscall_duration where syscall=connect",
        0.05,
        Quantity::Seconds,
        1,
        100,
    );
    check(
        "max syscall_duration over 5s",
        0.05,
        Quantity::Seconds,
        1,
        50,
    );
    check(
        "mean syscall_duration over 20s",
        0.0059,
        Quantity::Seconds,
        1,
        200,
    );
    check("rate syscall_duration", 10.0, Quantity::PerSecond, 1, 11);
    check("syscall_moved", 6_400.0, Quantity::BytesPerSecond, 1, 11);
    check(
        "increase temblor_syscall_moved_bytes_total over 1s",
        6_400.0,
        Quantity::Bytes,
        1,
        2,
    );
}

#[test]
fn a_ratio_is_of_what_both_have_in_common() {
    check(
        "ratio of syscall_errors where errno=ECONNREFUSED to syscalls where syscall=connect",
        0.1,
        Quantity::Ratio,
        1,
        100,
    );
    check(
        "ratio of syscall_errors to syscalls over 30s",
        40.0 / 3_300.0,
        Quantity::Ratio,
        2,
        3_300,
    );
    check(
        "ratio of syscall_moved to syscalls where syscall=read",
        64.0,
        Quantity::Bytes,
        1,
        1_000,
    );
    check(
        "ratio of syscall_errors where errno=EPERM to syscalls",
        0.0,
        Quantity::Ratio,
        2,
        1_100,
    );
}

#[track_caller]
fn check_none(text: &str, history: &History, second: u64, expected: Missing) {
    assert_eq!(
        ask(text, history, second),
        Answer::NoData(expected),
        "{text}"
    );
}

#[test]
fn what_is_not_known_is_no_zero() {
    let ten = Duration::from_secs(10);
    let web = web(0..31);
    check_none("syscalls", &History::default(), 5, Missing::NoFrame(ten));
    check_none("syscalls", &web, 60, Missing::NoFrame(ten));
    check_none("syscalls", &web, 0, Missing::OneFrame(ten));
    check_none(
        "syscalls where target=container:db",
        &web,
        30,
        Missing::NotObserved,
    );
    check_none(
        "p99 syscall_duration where syscall=fsync",
        &web,
        30,
        Missing::NothingHappened(ten),
    );
    check_none(
        "ratio of syscall_errors to syscalls where syscall=fsync",
        &web,
        30,
        Missing::NothingHappened(ten),
    );
}

#[test]
fn an_observed_target_without_errors_has_none() {
    for text in [
        "syscall_errors where target=container:web, errno=EPERM",
        "increase syscall_errors where syscall=fsync",
    ] {
        let Answer::Measured(measured) = ask(text, &web(0..31), 30) else {
            panic!("{text}");
        };
        assert_eq!(
            (measured.value.to_bits(), measured.series),
            (0, 0),
            "{text}"
        );
    }
}

#[test]
fn an_observer_that_begins_anew_in_the_middle_loses_nothing_of_the_rest() {
    let count = |second: u64| {
        if second < 5 {
            second * 10
        } else {
            (second - 5) * 10 + 200
        }
    };
    let count = |second| if second == 5 { 7 } else { count(second) };
    let reads = series("syscalls", &["host", "read"]);
    let history = history((0..9).map(|n| (n, vec![(reads.clone(), Value::Count(count(n)))])));
    // 40 until second 4, then 7 from nothing, then up to 230.
    let expected = 40 + 7 + (230 - 7);
    let Answer::Measured(found) = ask("increase syscalls", &history, 8) else {
        panic!("no data");
    };
    assert_eq!(found.value.to_bits(), f64::from(expected).to_bits());
}

#[test]
fn what_came_before_a_time_does_not_count_in_it() {
    let reads = series("syscalls", &["host", "read"]);
    let seconds = (0..4).chain(20..25);
    let history = history(seconds.map(|n| (n, vec![(reads.clone(), Value::Count(n * 10))])));
    // From second 14 on: the frame of second 3 is too old to count from.
    let Answer::Measured(found) = ask("increase syscalls", &history, 24) else {
        panic!("no data");
    };
    assert_eq!(found.value.to_bits(), 40_f64.to_bits());
}

#[test]
fn frames_missing_in_the_middle_leave_the_rate_as_it_is() {
    let reads = series("syscalls", &["host", "read"]);
    let seconds = (0..4).chain(9..12);
    let history = history(seconds.map(|n| (n, vec![(reads.clone(), Value::Count(n * 10))])));
    let Answer::Measured(found) = ask("syscalls", &history, 11) else {
        panic!("no data");
    };
    assert_eq!(found.value.to_bits(), 10_f64.to_bits());
}

/// Half of each second.
#[test]
fn a_counter_of_seconds_is_asked_for_in_seconds() {
    let throttled = series("cpu_throttled", &["host"]);
    let counted = |n: u64| vec![(throttled.clone(), Value::Count(n * SECOND / 2))];
    let history = history((0..31).map(|n| (n, counted(n))));
    for (question, value, quantity) in [
        ("increase cpu_throttled", 15.0, Quantity::Seconds),
        ("rate cpu_throttled", 0.5, Quantity::Ratio),
        (
            "ratio of cpu_throttled to cpu_throttled",
            1.0,
            Quantity::Ratio,
        ),
    ] {
        let Answer::Measured(found) = ask(&format!("{question} over 30s"), &history, 30) else {
            panic!("no data of {question}");
        };
        assert_eq!(
            (found.value.to_bits(), found.quantity),
            (f64::to_bits(value), quantity)
        );
    }
}

static MEMORY: Metric = Metric {
    name: "memory",
    help: "a gauge",
    kind: MetricKind::Gauge,
    unit: Unit::Bytes,
    signal: Some(Signal::Resources),
    labels: &[],
};

#[test]
fn a_gauge_is_what_it_is_at_most_or_in_the_middle() {
    let asked = |function| {
        let of = Selection {
            metric: &MEMORY,
            conditions: Vec::new(),
        };
        let expression = Expression {
            asked: Asked::One { function, of },
            over: Expression::OVER,
        };
        assert_eq!(expression.quantity(), Quantity::Bytes);
        move |found: &Gathered| expression.gauge(function, found)
    };
    let found = Gathered {
        gauges: vec![3.0, 8.0, 4.0],
        gauge: Some(4.0),
        frames: 3,
        inside: 3,
        series: 1,
        ..Gathered::default()
    };
    for (function, value) in [
        (Function::Now, 4.0),
        (Function::Mean, 5.0),
        (Function::Max, 8.0),
    ] {
        assert_eq!(asked(function)(&found), Ok((value, 1, 3)));
    }
    let none = Gathered {
        inside: 1,
        is_observed: true,
        ..Gathered::default()
    };
    assert_eq!(asked(Function::Max)(&none), Err(Missing::NoSeries));
}

#[track_caller]
fn check_printed(text: &str, printed: &str) {
    assert_eq!(text.parse::<Claim>().unwrap().to_string(), printed);
}

#[test]
fn what_was_left_out_is_filled_in() {
    check_printed("syscalls", "rate syscalls over 10s");
    check_printed(
        "temblor_syscall_duration_seconds",
        "p99 syscall_duration over 10s",
    );
    check_printed(
        " p99.9  syscall_duration where syscall = fsync | fdatasync over 60s<0.5s ",
        "p99.9 syscall_duration where syscall=fsync|fdatasync over 1m < 500ms",
    );
    check_printed("syscall_errors == 0", "rate syscall_errors over 10s == 0/s");
    check_printed(
        "syscall_moved >= 64KiB",
        "rate syscall_moved over 10s >= 64KiB/s",
    );
    check_printed(
        "ratio of syscall_errors where errno=EIO to syscalls where target=\"cgroup:/a b\" <= 0.07",
        "ratio of syscall_errors where errno=EIO to syscalls where target=\"cgroup:/a b\" over 10s <= 7%",
    );
}

#[track_caller]
fn check_bad(text: &str, message: &str, hint: &str) {
    let invalid = text.parse::<Claim>().unwrap_err();
    let found = (invalid.message.as_str(), invalid.hint.as_str());
    assert_eq!(found, (message, hint));
}

#[test]
fn what_is_mistyped_is_told_with_its_place() {
    check_bad(
        "syscal_errors > 5",
        "character 1: there is no metric `syscal_errors`",
        "did you mean `temblor_syscall_errors_total`",
    );
    check_bad(
        "rat syscalls",
        "character 1: there is no function `rat`",
        "did you mean `rate`",
    );
    check_bad(
        "syscalls where erno=EIO",
        "character 16: `syscalls` has no label `erno`",
        "one of target, syscall",
    );
    check_bad(
        "syscall_errors where erno=EIO",
        "character 22: `syscall_errors` has no label `erno`",
        "did you mean `errno`",
    );
    check_bad(
        "syscall_errors where errno=ECONREFUSED",
        "character 28: `ECONREFUSED` is not an errno of Linux",
        "did you mean ECONNREFUSED",
    );
    check_bad(
        "syscalls where syscall=conect",
        "character 24: `conect` is not a system call of Linux",
        "did you mean connect",
    );
    check_bad(
        "syscall_errors where errno=EWOULDBLOCK",
        "character 28: `EWOULDBLOCK` is called `EAGAIN` here",
        "write EAGAIN",
    );
    check_bad(
        "syscalls ovr 5s",
        "character 10: nobody expects `ovr` here",
        "did you mean `over`",
    );
    check_bad(
        "",
        "character 1: a metric is missing",
        "for example syscall_errors",
    );
    check_bad(
        "syscalls where",
        "character 15: a label is missing",
        "LABEL=VALUE, for example syscall=connect",
    );
}

#[test]
fn what_would_mean_nothing_is_refused() {
    check_bad(
        "p99 syscalls",
        "character 1: `syscalls` has no `p99`",
        "a counter has `rate` and `increase`",
    );
    check_bad(
        "syscall_duration p99",
        "character 18: a function behind its metric",
        "it stands before: `p99 syscall_duration`",
    );
    check_bad(
        "syscall_duration < 20",
        "character 20: `20` has no unit",
        "for example 20ms or 20s",
    );
    check_bad(
        "syscalls < 20ms",
        "character 12: `20ms` is not such a number",
        "so many in a second, such as 5 or 0.5/s",
    );
    check_bad(
        "ratio of syscall_errors to syscalls < 5",
        "character 39: `5` is more than all",
        "did you mean 5%",
    );
    check_bad(
        "syscalls over 100ms",
        "character 15: `100ms` is not a time to look back",
        "from 1s to 1h, for example over 10s: a frame is made each second",
    );
    check_bad(
        "p100 syscall_duration",
        "character 1: `p100` is no quantile",
        "from p0.01 to p99.99, for example p50, p99 or p99.9",
    );
    check_bad(
        "syscalls where syscall=read, syscall=write",
        "character 30: `syscall` once more",
        "several values stand together: syscall=ONE|OTHER",
    );
    check_bad(
        "ratio of syscalls to syscall_errors where errno=EIO",
        "character 22: `syscalls` has no label `errno`",
        "conditions at the end hold for both metrics; those of the first alone stand before `to`",
    );
    check_bad(
        "syscalls where target=\"x",
        "character 23: quotes that do not end, or not as in JSON",
        "for example target=\"cgroup:/a b\"; \\\" for a quote in it",
    );
}

#[test]
fn a_claim_is_judged_by_what_is_known() {
    let judge = |text: &str, second| {
        let claim: Claim = text.parse().unwrap();
        claim.judge(&claim.expression.measure(&web(0..31), second * SECOND))
    };
    assert_eq!(
        judge("syscalls where syscall=connect == 10", 30),
        Verdict::Holds
    );
    assert_eq!(
        judge("syscalls where syscall=connect > 10", 30),
        Verdict::Fails
    );
    assert_eq!(judge("p99 syscall_duration < 20ms", 30), Verdict::Fails);
    assert_eq!(judge("p50 syscall_duration < 20ms", 30), Verdict::Holds);
    assert_eq!(judge("p50 syscall_duration < 20ms", 99), Verdict::Unknown);
    assert_eq!(judge("p50 syscall_duration", 30), Verdict::Unknown);
}

#[test]
fn values_are_shown_to_three_digits() {
    for (quantity, value, shown) in [
        (Quantity::Seconds, 0.012_345, "12.3ms"),
        (Quantity::Seconds, 0.0, "0ns"),
        (Quantity::Seconds, 125.0, "125s"),
        (Quantity::Bytes, 65_536.0, "64KiB"),
        (Quantity::PerSecond, 1_234.5, "1234/s"),
        (Quantity::PerSecond, 0.0625, "0.0625/s"),
        (Quantity::Ratio, 0.125, "12.5%"),
        (Quantity::Number, 7.0, "7"),
    ] {
        assert_eq!(quantity.show(value), shown);
    }
}

fn any_selection() -> impl Strategy<Value = String> {
    let target = "[a-z \",|=<>é\\\\]{0,8}".prop_map(|path| {
        let value = serde_json::Value::from(format!("cgroup:/{path}")).to_string();
        format!("target={value}")
    });
    let condition = prop_oneof![
        target,
        Just("syscall=read".to_owned()),
        Just("syscall=read|write|999".to_owned()),
    ];
    let metric = prop_oneof![
        Just("syscalls"),
        Just("syscall_errors"),
        Just("syscall_moved")
    ];
    (metric, proptest::option::of(condition)).prop_map(|(metric, condition)| {
        condition.map_or_else(|| metric.to_owned(), |it| format!("{metric} where {it}"))
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        selection in any_selection(),
        of in proptest::option::of(any_selection()),
        over in 1..3_600_u64,
        number in 0.0..1.0_f64,
        digits in 0..9_usize,
        sign in 0..5_usize,
    ) {
        let sign = ["<", "<=", ">", ">=", "=="][sign];
        // Bytes of each call would need another limit.
        let of = of.filter(|of| !of.starts_with("syscall_moved"));
        let text = match &of {
            Some(of) => format!("ratio of {of} to {selection} over {over}s {sign} {number:.digits$}"),
            None => format!("{selection} over {over}s"),
        };
        let claim: Claim = text.parse().unwrap();
        prop_assert_eq!(claim.to_string().parse(), Ok(claim.clone()), "{}", claim);
        let json = serde_json::to_string(&claim).unwrap();
        prop_assert_eq!(serde_json::from_str::<Claim>(&json).unwrap(), claim);
    }

    #[test]
    fn no_text_panics(text in "(p99|rate|ratio of|where|over|syscalls|[a-z]{1,9}|[=,|<>\"]|[0-9.]{1,5}(ms|%|s)?| ){0,12}|.{0,40}") {
        let _either = text.parse::<Claim>().is_ok();
    }
}
