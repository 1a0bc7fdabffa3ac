//! What the journal says of runs that the toolkit does not know.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use injector_core::experiment::{Overrides, Source, validate};
use injector_core::journal::{Journal, Status};
use injector_core::report::{HypothesisResult, Phase, Report};

use super::Keeper;
use crate::runner::{Cut, Event, Happened};

const TEXT: &str = r#"
title: "with ${token}"
description: d
secrets: { token: { type: env, key: TOKEN }, plain: inline }
method: []
"#;

/// Of a run in which these things happen.
fn journal(events: Vec<Event>) -> Journal {
    let source = Source {
        file: None,
        environment: &|_name| Some("secret-word".to_owned()),
        overrides: Overrides::NONE,
    };
    let experiment = validate(TEXT, &source).experiment.unwrap();
    let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000);
    let mut keeper = Keeper::begin(&experiment, started, &BTreeMap::new());
    for event in events {
        keeper.note(&Happened {
            at: Duration::ZERO,
            event,
        });
    }
    let report = include_str!("../../core/tests/golden/report.json");
    let report: Report = serde_json::from_str(report).unwrap();
    keeper.end(&report)
}

#[test]
fn it_holds_no_secret() {
    let text = serde_json::to_string(&journal(Vec::new())).unwrap();
    assert!(
        !text.contains("secret-word") && !text.contains("inline"),
        "{text}"
    );
    assert!(text.contains("with [secret]"), "{text}");
}

#[test]
fn a_run_that_was_cut_short_says_how() {
    let cases = [
        (None, Status::Completed),
        (Some(Cut::Person), Status::Interrupted),
        (Some(Cut::Breaker), Status::Interrupted),
        (Some(Cut::FailFast), Status::Failed),
        (Some(Cut::Fault), Status::Aborted),
    ];
    for (cut, status) in cases {
        assert_eq!(journal(vec![Event::Over(cut)]).status, status, "{cut:?}");
    }
}

#[test]
fn a_hypothesis_that_does_not_hold_after_the_method_is_a_deviation() {
    let checked = |phase| Event::Hypothesis {
        phase,
        result: HypothesisResult {
            at_ms: 0.0,
            met: false,
            probes: Vec::new(),
        },
        probes: Vec::new(),
    };
    assert!(journal(vec![checked(Phase::After)]).deviated);
    assert!(!journal(vec![checked(Phase::Before)]).deviated);
}

#[test]
fn it_is_read_back_as_it_was_written() {
    let whole = journal(vec![Event::Over(None)]);
    let text = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<Journal>(&text).unwrap(), whole);
}
