//! Circuit breakers at work. The probe counts the events a fault injected: too many are bad.

use std::sync::Arc;

use injector_core::report::{EndReason, Report, Verdict};

use super::fake::Fake;
use super::{report, told};

fn lines(most: u32, breaker: &str, rest: &str) -> String {
    format!(
        "method:\n\
         - {{type: action, name: slow, provider: {{type: temblor, fault: net.delay, target: 'pid:1', latency: 20ms, duration: 60s}}}}\n\
         - {{type: action, name: lossy, provider: {{type: temblor, fault: net.loss, target: 'pid:1', duration: 60s}}, pauses: {{after: 3}}}}\n\
         - {{type: action, name: later, provider: {{type: temblor, stop: slow}}}}\n\
         x-temblor:\n  breakers:\n\
         \x20 - {{name: b, probe: {{type: probe, name: hits, tolerance: {{type: range, range: [0, {most}]}}, \
         provider: {{type: temblor, metric: slow.injected}}}}, interval: 50ms, {breaker}}}\n{rest}"
    )
}

fn transitions(report: &Report) -> Vec<String> {
    let one =
        |t: &injector_core::report::TransitionRecord| format!("{} {}->{}", t.at_ms, t.from, t.to);
    report.breakers[0].transitions.iter().map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_kills_then_stops_then_ends_the_experiment() {
    let fake = Arc::new(Fake::default());
    let rollbacks = "rollbacks: [{type: action, name: r, provider: {type: temblor, stop: slow}}]\n";
    let report = report(&lines(1_000, "consecutive: 3", rollbacks), &fake).await;
    assert_eq!(
        fake.log(),
        ["arm slow 20ms", "arm lossy", "kill", "stop 0", "stop 1"]
    );
    assert_eq!(
        (report.verdict, report.exit_code),
        (Verdict::BreakerTripped, 4)
    );
    assert_eq!(
        report.reason,
        "breaker `b` opened after 3 bad samples in a row, and every fault was off 3.0 ms later"
    );
    assert_eq!(transitions(&report), ["1150 closed->open"]);
    let breaker = &report.breakers[0];
    assert_eq!((breaker.failed, breaker.samples > 3), (Some(3), true));
    assert_eq!(told(&report), ["method:slow", "method:lossy", "rollback:r"]);
    let breach = report.breach.unwrap();
    assert_eq!(
        (breach.at_ms, breach.killed_ms, breach.clean_ms),
        (1_150.0, Some(1_151.0), Some(1_153.0))
    );
    assert!(
        report
            .faults
            .iter()
            .all(|fault| fault.ended == EndReason::Breaker)
    );
    assert_eq!(
        report.faults[0].counters.unwrap().injected,
        1_151,
        "nothing is injected after the kill switch"
    );
    let recovered = report.series[0]
        .samples
        .iter()
        .filter(|sample| sample.t > 1_153.0)
        .count();
    assert!(
        recovered >= 5,
        "the report shows whether the target recovered"
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_never_trips_changes_nothing() {
    let fake = Arc::new(Fake::default());
    let report = report(
        &lines(100_000, "window: {samples: 10, failures: 1}", ""),
        &fake,
    )
    .await;
    assert_eq!((report.verdict, report.breach), (Verdict::Passed, None));
    assert!(report.breakers[0].samples >= 60);
    assert_eq!(
        fake.log(),
        ["arm slow 20ms", "arm lossy", "stop 0", "stop 1"]
    );
}

#[tokio::test(start_paused = true)]
async fn rearming_makes_the_faults_weaker_each_time() {
    let fake = Arc::new(Fake::default());
    let rearm = "consecutive: 2, rearm: {initial: 200ms, factor: 1, jitter: 0, attempts: 2, scale: 0.5, probation: 3}";
    let report = report(&lines(500, rearm, ""), &fake).await;
    let log = [
        "arm slow 20ms",
        "arm lossy",
        "kill",
        "stop 0",
        "stop 1",
        "arm slow 10ms",
        "arm lossy 0.5",
        "kill",
        "stop 2",
        "stop 3",
        "arm slow 5ms",
        "arm lossy 0.25",
        "kill",
        "stop 4",
        "stop 5",
    ];
    assert_eq!(fake.log(), log);
    assert_eq!(
        (report.verdict, report.exit_code),
        (Verdict::BreakerTripped, 4)
    );
    let intensities: Vec<f64> = report.faults.iter().map(|fault| fault.intensity).collect();
    assert_eq!(intensities, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
    let states: Vec<String> = transitions(&report)
        .iter()
        .map(|t| t.split(' ').nth(1).unwrap().to_owned())
        .collect();
    let cycle = ["closed->open", "open->half-open", "half-open->closed"];
    assert_eq!(states, [cycle.as_slice(), &cycle, &cycle[..1]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_recovered_is_still_told_of() {
    let fake = Arc::new(Fake::default());
    let rearm = "consecutive: 2, rearm: {initial: 2500ms, jitter: 0, attempts: 1}";
    let report = report(&lines(500, rearm, ""), &fake).await;
    assert_eq!(
        (report.verdict, report.exit_code),
        (Verdict::BreakerTripped, 4)
    );
    assert_eq!(
        report.reason,
        "breaker `b` opened 1 times, and the experiment went on with weaker faults"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_asked_for_while_a_breaker_is_open_waits() {
    let fake = Arc::new(Fake::default());
    let text = lines(500, "consecutive: 2, rearm: {initial: 1s, jitter: 0}", "").replace(
        "name: lossy, provider: {type: temblor, fault: net.loss, target: 'pid:1', duration: 60s}, pauses: {after: 3}",
        "name: lossy, provider: {type: temblor, fault: net.loss, target: 'pid:1', duration: 60s}, pauses: {before: 1, after: 1}",
    );
    let report = report(&text, &fake).await;
    assert_eq!(
        report.activities[1].output.as_deref(),
        Some("waits for the circuit breaker to close")
    );
    assert_eq!(
        fake.log(),
        [
            "arm slow 20ms",
            "kill",
            "stop 0",
            "arm slow 10ms",
            "arm lossy 0.5",
            "stop 1",
            "stop 2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_while_a_fault_is_being_armed_is_not_overtaken() {
    let fake = Arc::new(Fake {
        arming: std::time::Duration::from_millis(400),
        ..Fake::default()
    });
    // The first fault has injected 100 events while the second one is still being armed.
    let report = report(&lines(100, "consecutive: 1", ""), &fake).await;
    assert_eq!(
        fake.log(),
        [
            "arm slow 20ms",
            "kill",
            "stop 0",
            "kill",
            "arm lossy",
            "stop 1"
        ]
    );
    assert_eq!(report.verdict, Verdict::BreakerTripped);
}
