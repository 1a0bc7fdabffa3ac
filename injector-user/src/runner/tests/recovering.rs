//! When faults were felt, and when what is natural came back.

use std::sync::Arc;

use injector_core::report::{Report, TargetRecovery};

use super::fake::Fake;
use super::report;

/// A fault of six seconds after `before`; then at most `after` is waited.
async fn run(before: &str, after: &str) -> Report {
    let lines = format!(
        "method:\n- {{type: action, name: harm, provider: {{type: temblor, fault: net.loss, target: 'pid:1', \
         duration: 60s}}, pauses: {{before: 0.5, after: 6}}}}\n\
         x-temblor: {{observe: {{targets: ['cgroup:/web'], before: {before}, after: {after}}}}}\n"
    );
    report(&lines, &Arc::new(Fake::default())).await
}

fn recovered(report: &Report) -> &TargetRecovery {
    let [seen] = report.faults[0].recoveries.as_slice() else {
        panic!("{:?}", report.faults[0].recoveries);
    };
    assert_eq!(seen.target, "cgroup:/web");
    seen
}

#[tokio::test(start_paused = true)]
async fn a_recovery_is_waited_for_and_told() {
    let report = run("10s", "30s").await;
    let recovery = &recovered(&report).recovery;
    let moments = [
        recovery.onset,
        recovery.detected,
        recovery.effect_ended,
        recovery.recovered,
    ];
    let at = moments.map(|moment| moment.unwrap().at_ns);
    assert!(at.is_sorted(), "{at:?}");
    let telemetry = report.telemetry.as_ref().unwrap();
    let offsets = moments.map(|moment| telemetry.offset_ms(moment.unwrap()));
    // Looked at every second from 0 on; the fault acts from 10.5 to 16.5.
    let offsets = offsets.map(|offset| offset.to_string());
    assert_eq!(offsets, ["10500", "11000", "16502", "17000"]);
    let natural = &telemetry.natural[0];
    assert_eq!(
        (natural.windows, natural.kept, &natural.missing),
        (10, false, &None)
    );
    // Five frames in a row are a return: it was not waited for longer.
    assert!(
        (21_000.0..23_000.0).contains(&report.duration_ms),
        "{}",
        report.duration_ms
    );
    assert!(telemetry.frames >= 21 && telemetry.frames_lost == 0);
    let failing = telemetry.timeline.lines.iter();
    let mut failing = failing.filter(|line| line.statistic.name() == "failing");
    let points = &failing.next().unwrap().points;
    assert_eq!(points.iter().filter(|(_at, value)| *value > 0.3).count(), 6);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_was_said() {
    let report = run("10s", "2s").await;
    let recovery = &recovered(&report).recovery;
    assert!(recovery.detected.is_some() && recovery.recovered.is_none());
    assert!(report.duration_ms < 20_000.0, "{}", report.duration_ms);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_to_be_natural_is_said_so() {
    let report = run("3s", "5s").await;
    assert_eq!(report.faults[0].recoveries, []);
    let telemetry = report.telemetry.unwrap();
    let missing = telemetry.natural[0].missing.as_deref();
    assert_eq!(
        missing,
        Some("3 windows of 1s are too few to tell what is natural")
    );
}
