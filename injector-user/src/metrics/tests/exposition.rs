#![expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "whole numbers below 2^52 are exact"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use injector_core::telemetry::{Frame, Histogram, METRICS, Metric, MetricKind, Series, Value};
use proptest::prelude::*;

use super::super::reference::{all, reference};
use super::super::room::Room;
use super::super::{Lines, MOST_SERIES, Scraped, Seen, plain};
use crate::protocol::{EngineStatus, FaultReport};

/// A series of each metric for each of so many targets.
fn frame(targets: usize) -> Frame {
    let mut frame = Frame::default();
    for metric in METRICS {
        for target in 0..targets {
            let labels = metric.labels.iter().map(|label| match label.name {
                "target" => format!("pid:{target}"),
                name => format!("a {name}"),
            });
            put(&mut frame, metric, labels.collect(), 3);
        }
    }
    frame
}

fn put(frame: &mut Frame, metric: &Metric, labels: Vec<String>, count: u64) {
    let value = match metric.kind {
        MetricKind::Counter => Value::Count(count),
        MetricKind::Gauge => Value::Now(0.5),
        MetricKind::Histogram => Value::Durations(durations(count)),
    };
    frame
        .values
        .insert(Series::of(metric, labels).unwrap(), value);
}

fn durations(count: u64) -> Histogram {
    let mut durations = Histogram::default();
    for _ in 0..count {
        durations.record(2_000_000);
    }
    durations
}

fn named(name: &str) -> &'static Metric {
    METRICS.iter().find(|metric| metric.name == name).unwrap()
}

fn text(frame: Frame) -> String {
    let seen = Seen::Frame(Box::new(frame));
    Scraped {
        seen,
        ..Scraped::default()
    }
    .text()
}

/// A fault that knows everything.
fn status() -> (EngineStatus, Vec<FaultReport>) {
    let engine = EngineStatus {
        version: "1".to_owned(),
        pid: 1,
        keeper: 2,
        attached: 3,
        observing: 4,
        lease_ms: 1_900,
        clients: 5,
        undo_entries: 6,
    };
    let mut fault: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/cli/fault.json")).unwrap();
    fault["asleep"] = serde_json::json!({ "callers": 1, "slept_us": 2, "asked_us": 3, "awake": 4 });
    fault["felt"] = serde_json::json!({
        "before_us": 1, "during_us": 2, "asked_us": 3, "flagged": false, "note": null
    });
    for (name, value) in [
        ("missed", 1),
        ("pulses", 1),
        ("rounds", 1),
        ("connections_reset", 1),
    ] {
        fault[name] = value.into();
    }
    fault["counters"]["foreign"] = 1.into();
    (engine, vec![serde_json::from_value(fault).unwrap()])
}

/// Values by what stands before them.
pub(in crate::metrics) fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| line.rsplit_once(' ').unwrap());
    samples
        .map(|(series, value)| (series, value.parse().unwrap()))
        .collect()
}

/// What promtool has to say; none where there is no promtool.
pub(in crate::metrics) fn promtool(text: &str) -> Option<String> {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some(format!("{} {said}", output.status))
}

#[test]
fn promtool_finds_nothing_to_complain_of() {
    let scraped = Scraped {
        status: Some(status()),
        seen: Seen::Frame(Box::new(frame(2))),
        logged: logged(),
    };
    let text = plain(&scraped.text());
    if let Some(said) = promtool(&text) {
        assert_eq!(said, "exit status: 0 ", "{text}");
        // And it does complain.
        let wrong = promtool("# TYPE a counter\na 1\n").unwrap();
        assert!(wrong.contains("_total"), "{wrong}");
    }
}

/// Lines of a level, and of a template.
fn logged() -> Vec<Lines> {
    let templates = [None, Some("it failed <num> times".to_owned())];
    let lines = templates.map(|template| Lines {
        target: "pid:7".to_owned(),
        template,
        level: "error",
        lines: 3,
    });
    lines.into()
}

#[test]
fn every_metric_of_the_reference_is_exposed_and_no_other() {
    let scraped = Scraped {
        status: Some(status()),
        seen: Seen::Frame(Box::new(frame(1))),
        logged: logged(),
    };
    let text = plain(&scraped.text());
    let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let exposed: BTreeSet<&str> = typed.filter_map(|line| line.split(' ').next()).collect();
    let mut expected: BTreeSet<String> = all().iter().map(|metric| metric.full_name()).collect();
    // Its fault has no line.
    expected.retain(|name| !name.starts_with("temblor_fault_line_"));
    assert_eq!(exposed, expected.iter().map(String::as_str).collect());
    assert_eq!(all().len(), expected.len() + 3);
}

/// `BLESS=1 cargo test -p injector-user --lib metric_reference` writes the file anew.
#[test]
fn the_metric_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == reference(),
        "docs/metrics.md is out of date; \
         run `BLESS=1 cargo test -p injector-user --lib metric_reference`"
    );
}

#[test]
fn a_counter_of_seconds_is_exposed_in_seconds() {
    let mut frame = Frame::default();
    let throttled = named("cpu_throttled");
    put(
        &mut frame,
        throttled,
        vec!["host".to_owned()],
        1_500_000_000,
    );
    let text = text(frame);
    let series = "temblor_cpu_throttled_seconds_total{target=\"host\"}";
    assert_eq!(samples(&text)[series], 1.5);
}

#[test]
fn what_cannot_be_had_is_no_number() {
    let text = Scraped {
        seen: Seen::Missing,
        ..Scraped::default()
    }
    .text();
    let expected = [("temblor_engine_up", 0.0), ("temblor_observer_up", 0.0)];
    assert_eq!(samples(&text), expected.into());
}

#[test]
fn who_talks_to_thousands_is_told_by_what_has_no_room() {
    let mut frame = frame(3);
    let edges = named("tcp_edge_sent");
    for peer in 0..=MOST_SERIES {
        let labels = ["pid:1", "client", &format!("peer {peer}"), "80"];
        put(&mut frame, edges, labels.map(str::to_owned).into(), 1);
    }
    let text = text(frame);
    let samples = samples(&text);
    let of = |start: &str| samples.keys().filter(|key| key.starts_with(start)).count();
    // All of that target's edges, and nobody else's; the one series of `frame` among them.
    assert_eq!(of("temblor_tcp_edge_sent_bytes_total{target=\"pid:1\""), 0);
    assert_eq!(of("temblor_tcp_edge_sent_bytes_total{"), 2);
    assert_eq!(of("temblor_syscalls_total{"), 3);
    assert_eq!(samples["temblor_series_dropped"], (MOST_SERIES + 2) as f64);
}

#[test]
fn more_than_there_is_room_for_is_never_exposed() {
    // Each target has hundreds of series.
    let text = text(frame(500));
    let samples = samples(&text);
    let own = [
        "temblor_engine_up",
        "temblor_observer_up",
        "temblor_series_dropped",
    ];
    assert!(
        samples.len() <= MOST_SERIES + own.len(),
        "{}",
        samples.len()
    );
    let all = samples.len() - own.len();
    let frame = frame(500);
    let room = Room::of(&frame, usize::MAX);
    assert_eq!(room.dropped, 0);
    let nothing = Room::of(&frame, 0);
    assert_eq!(
        samples["temblor_series_dropped"],
        (nothing.dropped - all) as f64
    );
}

proptest! {
    #[test]
    fn buckets_grow_and_end_with_the_count(
        durations in proptest::collection::vec(any::<u64>().prop_map(|ns| ns >> 24), 0..100),
    ) {
        let mut histogram = Histogram::default();
        for ns in &durations {
            histogram.record(*ns);
        }
        let mut frame = Frame::default();
        let series = Series::of(named("off_cpu"), vec!["host".to_owned()]).unwrap();
        frame.values.insert(series, Value::Durations(histogram));
        let text = text(frame);
        let is_bucket = |line: &&str| line.starts_with("temblor_off_cpu_seconds_bucket{");
        let buckets = text.lines().filter(is_bucket);
        let buckets: Vec<(f64, u64)> = buckets.map(|line| {
            let (labels, count) = line.rsplit_once(' ').unwrap();
            let bound = labels.split("le=\"").nth(1).unwrap().split('"').next().unwrap();
            (bound.replace("+Inf", "inf").parse().unwrap(), count.parse().unwrap())
        }).collect();
        prop_assert!(buckets.is_sorted());
        prop_assert_eq!(buckets[0].0, 1.024e-6);
        let shorter = |bound: f64| durations.iter().filter(|ns| (**ns as f64) < bound * 1e9).count();
        for (bound, count) in &buckets {
            prop_assert_eq!(shorter(*bound) as u64, *count);
        }
        let samples = samples(&text);
        prop_assert_eq!(samples["temblor_off_cpu_seconds_count{target=\"host\"}"], durations.len() as f64);
        let sum = durations.iter().sum::<u64>() as f64 / 1e9;
        prop_assert_eq!(samples["temblor_off_cpu_seconds_sum{target=\"host\"}"], sum);
    }

    /// Whoever may make cgroups names them as they like.
    #[test]
    fn no_name_ends_its_label(names in proptest::collection::btree_set(".{0,20}|[\"\\\\\n{}=,]{0,6}", 1..8)) {
        let mut frame = Frame::default();
        for name in &names {
            put(&mut frame, named("execs"), vec![name.clone()], 7);
        }
        let text = text(frame);
        let start = "temblor_execs_total{target=\"";
        let lines = text.split('\n').filter_map(|line| line.strip_prefix(start));
        let read: BTreeSet<String> = lines.map(|line| {
            let value = line.strip_suffix("\"} 7").unwrap();
            unescaped(value)
        }).collect();
        prop_assert_eq!(read, names);
    }
}

/// As a scraper reads it.
fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value.chars();
    while let Some(one) = rest.next() {
        assert_ne!(one, '"', "{value}");
        match one {
            '\\' => match rest.next() {
                Some('n') => text.push('\n'),
                other => text.extend(other),
            },
            _ => text.push(one),
        }
    }
    text
}
