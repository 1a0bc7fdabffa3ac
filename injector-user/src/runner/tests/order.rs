//! What follows what, and what the verdict is.

use std::sync::Arc;

use injector_core::report::{Report, Verdict};

use super::fake::Fake;
use super::{report, told};
use crate::runner::FaultErrorClass;

const FAULT: &str = "{type: action, name: slow, provider: {type: temblor, fault: net.delay, target: 'pid:1', latency: 20ms, duration: 60s}, pauses: {after: 1}}";
const FINE: &str =
    "{type: probe, name: fine, tolerance: 0.0, provider: {type: process, path: 'true'}}";

fn lines(parts: &[&str]) -> String {
    parts.join("\n")
}

fn hypothesis(path: &str) -> String {
    format!(
        "steady-state-hypothesis: {{title: h, probes: [{{type: probe, name: p, tolerance: 0, provider: {{type: process, path: {path}}}}}]}}"
    )
}

fn process(name: &str, path: &str) -> String {
    format!("- {{type: action, name: {name}, provider: {{type: process, path: {path}}}}}")
}

async fn check(lines: &str, verdict: Verdict, exit_code: u8, activities: &[&str]) -> Report {
    let report = report(lines, &Arc::new(Fake::default())).await;
    assert_eq!(
        (report.verdict, report.exit_code, told(&report).as_slice()),
        (verdict, exit_code, strings(activities).as_slice()),
        "{}",
        report.reason
    );
    report
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn hypothesis_method_hypothesis_rollbacks() {
    let text = lines(&[
        &hypothesis("'true'"),
        "method:",
        &process("a", "'true'"),
        "rollbacks:",
        &process("r", "'true'"),
    ]);
    let report = check(
        &text,
        Verdict::Passed,
        0,
        &["before:p", "method:a", "after:p", "rollback:r"],
    )
    .await;
    assert_eq!(report.started, "2025-06-15T15:06:40.123Z");
}

#[tokio::test]
async fn a_system_that_is_not_steady_is_not_shaken() {
    let text = lines(&[
        &hypothesis("'false'"),
        "method:",
        &process("a", "'true'"),
        "rollbacks:",
        &process("r", "'true'"),
    ]);
    let report = check(&text, Verdict::NotSteady, 1, &["before:p", "rollback:r"]).await;
    assert_eq!(report.reason, "`p`: expected 0, got 1");
}

#[tokio::test]
async fn a_failing_action_does_not_end_the_method_but_fails_the_run() {
    let text = lines(&[
        "method:",
        &process("a", "/no/such/program"),
        &process("b", "'true'"),
    ]);
    let report = check(&text, Verdict::Failed, 1, &["method:a failed", "method:b"]).await;
    assert_eq!(
        report.reason,
        "`a` failed: there is no program `/no/such/program` to be found"
    );
}

#[tokio::test]
async fn rollbacks_follow_their_strategy() {
    let with = |strategy: &str, before: &str| {
        let runtime = format!("runtime: {{rollbacks: {{strategy: {strategy}}}}}");
        lines(&[
            &runtime,
            &hypothesis(before),
            "method: []",
            "rollbacks:",
            &process("r", "'true'"),
        ])
    };
    check(
        &with("never", "'true'"),
        Verdict::Passed,
        0,
        &["before:p", "after:p"],
    )
    .await;
    check(
        &with("always", "/no/such"),
        Verdict::NotSteady,
        1,
        &["before:p failed", "rollback:r"],
    )
    .await;
    check(
        &with("default", "/no/such"),
        Verdict::NotSteady,
        1,
        &["before:p failed"],
    )
    .await;
    check(
        &with("deviated", "'true'"),
        Verdict::Passed,
        0,
        &["before:p", "after:p"],
    )
    .await;
}

#[tokio::test]
async fn the_strategy_says_when_the_hypothesis_is_checked() {
    let with = |strategy: &str| {
        let runtime = format!("runtime: {{hypothesis: {{strategy: {strategy}, frequency: 0.05}}}}");
        lines(&[
            &runtime,
            &hypothesis("'true'"),
            "method:",
            &process("a", "sleep").replace("path: sleep", "path: sleep, arguments: ['0.8']"),
        ])
    };
    check(&with("skip"), Verdict::Passed, 0, &["method:a"]).await;
    check(
        &with("before-method-only"),
        Verdict::Passed,
        0,
        &["before:p", "method:a"],
    )
    .await;
    check(
        &with("after-method-only"),
        Verdict::Passed,
        0,
        &["method:a", "after:p"],
    )
    .await;
    let report = check(
        &with("during-method-only"),
        Verdict::Passed,
        0,
        &["method:a"],
    )
    .await;
    assert!(report.hypothesis.unwrap().during.unwrap().checks >= 2);
    assert!(report.series[0].samples.len() >= 2);
}

#[tokio::test]
async fn a_refused_fault_is_refused_before_anything_is_done() {
    let fake = Arc::new(Fake {
        refuses: Some(FaultErrorClass::Refused),
        ..Fake::default()
    });
    let text = lines(&[
        &hypothesis("'true'"),
        &format!("method: [{FAULT}]"),
        "rollbacks:",
        &process("r", "'true'"),
    ]);
    let report = report(&text, &fake).await;
    assert_eq!(
        (report.verdict, report.exit_code, told(&report)),
        (Verdict::Refused, 3, Vec::new())
    );
    assert_eq!(report.reason, "`slow` was not armed: no such thing here");
}

#[tokio::test]
async fn a_target_that_is_not_there_ends_the_method() {
    let fake = Arc::new(Fake {
        refuses: Some(FaultErrorClass::Input),
        ..Fake::default()
    });
    let report = report(
        &format!("method: [{FAULT}, {FINE}]").replace("tolerance: 0.0, ", ""),
        &fake,
    )
    .await;
    assert_eq!((report.verdict, report.exit_code), (Verdict::BadInput, 2));
    assert_eq!(
        report.faults[0].error.as_deref(),
        Some("no such thing here")
    );
    assert!(!told(&report).contains(&"method:fine".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_put_back_decides_the_verdict() {
    let fake = Arc::new(Fake {
        leaves: Some("a qdisc"),
        ..Fake::default()
    });
    let report = report(&format!("method: [{FAULT}]"), &fake).await;
    assert_eq!(
        (report.verdict, report.exit_code),
        (Verdict::UndoIncomplete, 5)
    );
    assert_eq!(
        report.reason,
        "what `slow` changed was not put back: a qdisc"
    );
    assert!(!report.is_clean());
}

#[tokio::test]
async fn secrets_are_in_no_rendering() {
    let text = lines(&[
        "secrets: {s: {token: hunter2}}",
        "method:",
        "- {type: action, name: a, provider: {type: process, path: echo, arguments: ['${token}']}}",
        "- {type: action, name: b, provider: {type: http, url: 'http://127.0.0.1:1/${token}'}}",
    ]);
    let report = report(&text, &Arc::new(Fake::default())).await;
    let json = injector_core::report::json(&report).unwrap();
    assert!(!json.contains("hunter2"));
    assert_eq!(json.matches("[secret]").count(), 3, "{json}");
}
