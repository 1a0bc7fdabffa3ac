use std::collections::BTreeMap;

use injector_core::report::Report;
use injector_core::safety::State;
use injector_core::telemetry::Metric;
use serde_json::{Value, json};

use super::super::tests::{promtool, samples};
use super::{reference, run_metrics};

const SAMPLE: &str = include_str!("../../../core/tests/golden/report.json");

fn moment(seconds: u64) -> Value {
    json!({ "at_ns": seconds * 1_000_000_000, "unix_ns": (1_000 + seconds) * 1_000_000_000 })
}

/// Of a run whose first fault was armed twice, and felt the second time: armed at 10, injected at 12, felt
/// at 13, ended at 20, recovered from at 26.
fn report() -> Report {
    let mut report: Value = serde_json::from_str(SAMPLE).unwrap();
    report["title"] = "carts".into();
    let mut again = report["faults"][0].clone();
    again["times"] = json!({ "armed": moment(10), "injected": moment(12), "ended": moment(20) });
    let breach = |recovered: Value| {
        json!({
            "series": ["syscalls", ["cgroup:/web", "read"]],
            "statistic": "rate",
            "detected": moment(13),
            "recovered": recovered,
            "worst": 1.0,
            "explanation": "",
        })
    };
    again["recoveries"] = json!([{
        "target": "cgroup:/web",
        "recovery": {
            "onset": moment(12),
            "detected": moment(13),
            "effect_ended": moment(20),
            "recovered": moment(26),
            "breaches": [breach(moment(26)), breach(moment(25))],
            "window_ns": 1_000_000_000,
        },
    }, {
        "target": "host",
        "recovery": {
            "onset": moment(12),
            "detected": moment(14),
            "effect_ended": moment(20),
            "recovered": null,
            "breaches": [breach(Value::Null)],
            "window_ns": 1_000_000_000,
        },
    }]);
    report["faults"].as_array_mut().unwrap().push(again);
    serde_json::from_value(report).unwrap()
}

/// Those of one metric, by the labels after `experiment`.
fn of(text: &str, metric: &str) -> BTreeMap<String, f64> {
    let start = format!("temblor_run_{metric}{{experiment=\"carts\"");
    let found = samples(text).into_iter().filter_map(|(series, value)| {
        let rest = series.strip_prefix(&start)?.strip_suffix('}')?;
        Some((rest.trim_start_matches(',').replace('"', ""), value))
    });
    found.collect()
}

fn check(metric: &str, expected: &[(&str, f64)]) {
    let expected = expected
        .iter()
        .map(|(labels, value)| ((*labels).to_owned(), *value));
    assert_eq!(
        of(&run_metrics(&report()), metric),
        expected.collect(),
        "{metric}"
    );
}

#[test]
fn a_run_says_how_it_ended_and_when() {
    let verdicts = of(&run_metrics(&report()), "verdict");
    assert_eq!(verdicts.len(), 9);
    let those = verdicts.iter().filter(|(_verdict, is_it)| **is_it > 0.0);
    let those: Vec<&str> = those.map(|(verdict, _is_it)| verdict.as_str()).collect();
    assert_eq!(those, ["verdict=breaker-tripped"]);
    check("started_timestamp_seconds", &[("", 1_772_373_787.25)]);
    check("ended_timestamp_seconds", &[("", 1_772_373_803.63)]);
    check("duration_seconds", &[("", 16.38)]);
    check("clean", &[("", 1.0)]);
}

#[test]
fn a_breaker_says_whether_it_is_open_and_how_often_its_probe_failed() {
    check("breaker_open", &[("breaker=carts", 1.0)]);
    check("breaker_openings", &[("breaker=carts", 1.0)]);
    check("breaker_samples", &[("breaker=carts", 283.0)]);
    check("breaker_failed_samples", &[("breaker=carts", 4.0)]);
    let mut report = report();
    report.breakers[0].transitions[0].to = State::HalfOpen;
    report.breakers[0].failed = None;
    let text = run_metrics(&report);
    assert_eq!(
        of(&text, "breaker_open"),
        [("breaker=carts".to_owned(), 0.0)].into()
    );
    assert!(of(&text, "breaker_failed_samples").is_empty());
}

#[test]
fn each_fault_says_when_it_began_to_act_and_when_it_was_over() {
    let second = "fault=slow-redis,arming=2,kind=net.delay,target=netns:redis";
    // Of the others nobody knows.
    check("fault_armed_timestamp_seconds", &[(second, 1_010.0)]);
    check("fault_onset_seconds", &[(second, 2.0)]);
    check("fault_effect_ended_seconds", &[(second, 10.0)]);
    let first = "fault=slow-redis,arming=1,kind=net.delay,target=netns:redis";
    let other = "fault=lossy-redis,arming=1,kind=net.loss,target=netns:redis";
    let injections = [(first, 4_120.0), (second, 4_120.0), (other, 581.0)];
    check("fault_injections", &injections);
}

#[test]
fn each_target_says_when_it_felt_a_fault_and_when_it_was_well_again() {
    let web = "fault=slow-redis,arming=2,kind=net.delay,target=cgroup:/web";
    let host = "fault=slow-redis,arming=2,kind=net.delay,target=host";
    check("recovery_detected_seconds", &[(web, 1.0), (host, 2.0)]);
    check("recovery_effect_ended_seconds", &[(web, 8.0), (host, 8.0)]);
    // The host has not recovered: there is no number for that.
    check("recovery_returned_seconds", &[(web, 14.0)]);
    check("recovery_took_seconds", &[(web, 6.0)]);
    check("recovery_breaches", &[(web, 2.0), (host, 1.0)]);
    check("recovery_open_breaches", &[(web, 0.0), (host, 1.0)]);
}

#[test]
fn every_metric_of_the_reference_is_written_and_no_other() {
    let text = run_metrics(&report());
    let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let written: Vec<&str> = typed.filter_map(|line| line.split(' ').next()).collect();
    let names = reference().into_iter().map(Metric::full_name);
    assert_eq!(written, names.collect::<Vec<_>>());
}

#[test]
fn promtool_finds_nothing_to_complain_of_whatever_the_names_are() {
    let mut report = report();
    for hostile in ["carts", "a\"} 7\nb 1 # \\", "\u{1F980}\u{0}\r\n{}"] {
        hostile.clone_into(&mut report.title);
        hostile.clone_into(&mut report.breakers[0].name);
        hostile.clone_into(&mut report.faults[0].name);
        let text = run_metrics(&report);
        if let Some(said) = promtool(&text) {
            assert_eq!(said, "exit status: 0 ", "{text}");
        }
    }
}
