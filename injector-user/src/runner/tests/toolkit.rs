//! The same order, statuses and verdict as the real Chaos Toolkit, recorded by
//! `recorded/record_runs.py`. The exit code differs where the module says so.

use std::sync::Arc;

use injector_core::experiment::{Overrides, Source, validate};
use injector_core::report::{ActivityKind, ActivityStatus, HypothesisResult, Phase, Report};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fake::Fake;
use super::options;
use crate::runner::{Cancel, run};

/// What the toolkit's journal would say of our run.
fn journal(report: &Report) -> Value {
    let hypothesis = report.hypothesis.as_ref();
    let met = |result: Option<&HypothesisResult>| result.map(|result| result.met);
    let activities = |phase: Phase| -> Vec<Value> {
        let status = |status| match status {
            ActivityStatus::Succeeded => "succeeded",
            ActivityStatus::Failed => "failed",
            ActivityStatus::Cancelled => "cancelled",
        };
        let played = report
            .activities
            .iter()
            .filter(|activity| activity.phase == phase);
        played
            .map(|activity| json!({ "name": activity.name, "status": status(activity.status) }))
            .collect()
    };
    json!({
        "before": met(hypothesis.and_then(|h| h.before.as_ref())),
        "after": met(hypothesis.and_then(|h| h.after.as_ref())),
        "method": activities(Phase::Method),
        "rollbacks": activities(Phase::Rollback),
    })
}

/// What the toolkit exits with, but for the two cases in which it hides a failure.
fn exit_code(recorded: &Value, report: &Report) -> u64 {
    let failed = |activity: &injector_core::report::ActivityRecord| {
        activity.kind == ActivityKind::Action && activity.status == ActivityStatus::Failed
    };
    let hidden = recorded["before"] == json!(false) || report.activities.iter().any(failed);
    if hidden {
        1
    } else {
        recorded["exit"].as_u64().unwrap()
    }
}

/// Runs one experiment in a folder of its own; what differs from the record.
async fn compare(recorded: Value) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("flag");
    std::fs::write(&flag, "").unwrap();
    let path = flag.display();
    let text = recorded["experiment"].to_string();
    let text = text
        .replace("rm flag", &format!("rm {path}"))
        .replace(r#"["-e","flag"]"#, &format!(r#"["-e","{path}"]"#));
    let validated = validate(
        &text,
        &Source {
            file: None,
            environment: &|_| None,
            overrides: Overrides::NONE,
        },
    );
    let (_person, cancel) = watch::channel(Cancel::No);
    let report = run(
        validated.experiment.unwrap(),
        Arc::new(Fake::default()),
        options(cancel),
    )
    .await;
    let ours = journal(&report);
    let theirs: Value = ["before", "after", "method", "rollbacks"]
        .iter()
        .map(|key| ((*key).to_owned(), recorded[*key].clone()))
        .collect();
    let codes = (u64::from(report.exit_code), exit_code(&recorded, &report));
    (ours != theirs || codes.0 != codes.1)
        .then(|| format!("{text}\n  theirs {theirs}\n  ours   {ours} {codes:?}"))
}

#[tokio::test]
async fn runs_go_as_they_go_in_the_toolkit() {
    let recorded: Vec<Value> = serde_json::from_str(include_str!("recorded/runs.json")).unwrap();
    assert!(recorded.len() > 100);
    let mut different = Vec::new();
    // Enough at a time to be quick, not so many that timeouts are missed.
    for some in recorded.chunks(8) {
        let mut running = JoinSet::new();
        for one in some {
            running.spawn(compare(one.clone()));
        }
        different.extend(running.join_all().await.into_iter().flatten());
    }
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}
