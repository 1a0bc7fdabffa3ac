//! How long faults live.

use std::sync::Arc;

use injector_core::report::{EndReason, Report, Undo, Verdict};

use super::fake::Fake;
use super::{report, told};

/// A fault, and what stands beside it in its provider and in its activity.
fn fault(name: &str, provider: &str, activity: &str) -> String {
    format!(
        "- {{type: action, name: {name}, provider: {{type: temblor, fault: net.loss, target: 'pid:1', {provider}}}{activity}}}\n"
    )
}

async fn check(method: &str, log: &[&str], ends: &[(f64, f64, EndReason)]) -> Report {
    let fake = Arc::new(Fake::default());
    let report = report(&format!("method:\n{method}"), &fake).await;
    assert_eq!(fake.log(), log);
    let told: Vec<_> = report
        .faults
        .iter()
        .map(|f| (f.start_ms.unwrap(), f.end_ms.unwrap(), f.ended))
        .collect();
    assert_eq!(told, ends);
    assert!(
        report
            .faults
            .iter()
            .all(|fault| fault.undo == Undo::Verified)
    );
    report
}

#[tokio::test(start_paused = true)]
async fn a_fault_ends_with_the_method() {
    let method = fault("f", "duration: 60s", ", pauses: {before: 0.5, after: 2}");
    let report = check(
        &method,
        &["arm f", "stop 0"],
        &[(500.0, 2_502.0, EndReason::MethodOver)],
    )
    .await;
    assert_eq!(
        (report.verdict, told(&report)),
        (Verdict::Passed, vec!["method:f".to_owned()])
    );
    assert_eq!(
        report.activities[0].output.as_deref(),
        Some("armed, by make-believe")
    );
    assert_eq!(
        (
            report.faults[0].asked["seed"].as_str(),
            report.faults[0].counters.unwrap().injected
        ),
        ("7", 2_002)
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_ends_at_its_duration() {
    let method = fault("f", "duration: 300ms, delay: 100ms", ", pauses: {after: 2}");
    check(
        &method,
        &["arm f", "stop 0"],
        &[(100.0, 400.0, EndReason::Duration)],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_ends_when_an_action_stops_it() {
    let stop =
        "- {type: action, name: s, provider: {type: temblor, stop: f}, pauses: {after: 5}}\n";
    let method = fault("f", "duration: 60s", ", pauses: {after: 2}") + stop;
    check(
        &method,
        &["arm f", "stop 0"],
        &[(0.0, 2_002.0, EndReason::Stopped)],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_action_that_waits_lasts_as_long_as_its_fault() {
    let method =
        fault("f", "duration: 300ms, wait: true", "") + &fault("g", "duration: 1s, wait: true", "");
    let ends = [
        (0.0, 300.0, EndReason::Duration),
        (302.0, 1_302.0, EndReason::Duration),
    ];
    check(&method, &["arm f", "stop 0", "arm g", "stop 1"], &ends).await;
}

#[tokio::test(start_paused = true)]
async fn faults_are_armed_side_by_side_and_end_together() {
    let method =
        fault("f", "duration: 60s", "") + &fault("g", "duration: 60s", ", pauses: {after: 1}");
    let ends = [
        (0.0, 1_002.0, EndReason::MethodOver),
        (0.0, 1_002.0, EndReason::MethodOver),
    ];
    check(&method, &["arm f", "arm g", "stop 0", "stop 1"], &ends).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_the_background_is_waited_for() {
    let method = fault("f", "duration: 300ms, wait: true", ", background: true")
        + &fault("g", "duration: 60s", "");
    let ends = [
        (0.0, 300.0, EndReason::Duration),
        (0.0, 304.0, EndReason::MethodOver),
    ];
    check(&method, &["arm f", "arm g", "stop 0", "stop 1"], &ends).await;
}

#[tokio::test(start_paused = true)]
async fn a_measurement_of_a_fault_is_a_probe() {
    let probe = "- {type: probe, name: n, provider: {type: temblor, metric: f.injected}}\n";
    let method = probe.replace("name: n", "name: m")
        + &fault("f", "duration: 60s", ", pauses: {after: 0.25}")
        + probe;
    let report = check(
        &method,
        &["arm f", "stop 0"],
        &[(0.0, 252.0, EndReason::MethodOver)],
    )
    .await;
    let answers: Vec<_> = report
        .activities
        .iter()
        .map(|activity| activity.output.clone().unwrap())
        .collect();
    assert_eq!(answers, ["0.0", "armed, by make-believe", "250.0"]);
}
