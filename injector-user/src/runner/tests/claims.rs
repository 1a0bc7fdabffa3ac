//! What targets feel, as the hypothesis, the method and breakers ask for it. A hundred calls are made each
//! second, of which forty fail while a fault acts.

use std::sync::Arc;

use injector_core::report::{Report, Verdict};

use super::fake::Fake;
use super::{report, told};

const HARM: &str = "- {type: action, name: harm, provider: {type: temblor, fault: net.loss, target: 'pid:1', \
                    duration: 60s}, pauses: {after: 6}}\n";

fn probe(metric: &str, rest: &str) -> String {
    format!("{{type: probe, name: p, {rest}provider: {{type: temblor, metric: \"{metric}\"}}}}")
}

fn lines(metric: &str, tolerance: &str, method: &str) -> String {
    let probe = probe(metric, tolerance);
    format!(
        "steady-state-hypothesis: {{title: h, probes: [{probe}]}}\nmethod:\n{method}\
         x-temblor: {{observe: {{targets: ['cgroup:/web'], before: 5s, after: 0s}}}}\n"
    )
}

const RATIO: &str = "ratio of syscall_errors to syscalls where target=cgroup:/web over 5s";
const NOTHING: &str = "- {type: action, name: n, provider: {type: process, path: 'true'}}\n";

async fn check(lines: &str, fake: Fake, verdict: Verdict, reason: &str) -> Report {
    let report = report(lines, &Arc::new(fake)).await;
    assert_eq!((report.verdict, report.reason.as_str()), (verdict, reason));
    report
}

#[tokio::test(start_paused = true)]
async fn a_claim_holds_without_a_fault_and_fails_under_one() {
    let claim = format!("{RATIO} < 1%");
    let fake = Arc::new(Fake::default());
    let calm = report(&lines(&claim, "", NOTHING), &fake).await;
    assert_eq!(calm.verdict, Verdict::Passed, "{}", calm.reason);
    assert_eq!(
        fake.log(),
        ["observe syscalls of cgroup:/web, 5s before and 0s at most after"]
    );
    let before = calm.hypothesis.unwrap().before.unwrap();
    assert!(
        before.at_ms >= 5_000.0,
        "it looks back at what was observed"
    );
    let reason = format!("`p`: {RATIO} is 40%, which is not < 1%");
    let harmed = check(
        &lines(&claim, "", HARM),
        Fake::default(),
        Verdict::Deviated,
        &reason,
    )
    .await;
    assert_eq!(told(&harmed), ["before:p", "method:harm", "after:p"]);
    let series = &harmed.series[0];
    assert_eq!(series.bounds, Some((0.0, 0.01)));
    let values: Vec<_> = series.samples.iter().map(|one| one.v).collect();
    assert_eq!(values, [Some(0.0), Some(0.4)]);
}

#[tokio::test(start_paused = true)]
async fn a_number_is_judged_by_its_tolerance() {
    let range = "tolerance: {type: range, range: [0, 0.01]}, ";
    check(
        &lines(RATIO, range, HARM),
        Fake::default(),
        Verdict::Deviated,
        "`p`: expected 0 to 0.01, got 0.4",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_opposite_can_be_claimed() {
    let claim = format!("{RATIO} > 1%");
    check(
        &lines(&claim, "tolerance: false, ", NOTHING),
        Fake::default(),
        Verdict::Passed,
        "the steady state held",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_data_holds_for_nothing() {
    let metric = "p99 syscall_duration where target=cgroup:/web, syscall=fsync over 5s < 20ms";
    check(
        &lines(metric, "", NOTHING),
        Fake::default(),
        Verdict::NotSteady,
        "`p`: no data: nothing happened in the last 5s",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_is_not_well() {
    let claim = "syscall_errors where target=cgroup:/web over 2s == 0";
    let fake = Fake {
        gone_from: Some(4),
        ..Fake::default()
    };
    let reason = "`p`: `cgroup:/web` is not there";
    check(&lines(claim, "", NOTHING), fake, Verdict::NotSteady, reason).await;
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_looked_at_ends_the_run_before_it_begins() {
    let lines = lines(&format!("{RATIO} < 1%"), "", HARM).replace("/web", "/other");
    let report = check(
        &lines,
        Fake::default(),
        Verdict::BadInput,
        "nothing was observed: nobody is called so",
    )
    .await;
    assert_eq!(told(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_the_method_says_what_it_saw() {
    let probe = probe("syscalls where target=cgroup:/web over 2s >= 50/s", "");
    let observe = "x-temblor: {observe: {before: 3s}}\n";
    let fake = Arc::new(Fake::default());
    let report = report(&format!("method:\n- {probe}\n{observe}"), &fake).await;
    let said = "rate syscalls where target=cgroup:/web over 2s is 100/s, which is >= 50/s";
    let output = report.activities[0].output.as_deref();
    assert_eq!(output, Some(said));
}

fn breaker(metric: &str, rest: &str, method: &str) -> String {
    let probe = probe(metric, "");
    format!(
        "method:\n{method}x-temblor:\n  breakers: [{{name: b, probe: {probe}, consecutive: 2{rest}}}]\n  \
         observe: {{targets: ['cgroup:/web'], before: 3s, after: 0s}}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_breaker_opens_by_what_targets_feel() {
    let claim = "ratio of syscall_errors to syscalls where target=cgroup:/web over 2s < 10%";
    let report = report(&breaker(claim, "", HARM), &Arc::new(Fake::default())).await;
    assert_eq!(report.verdict, Verdict::BreakerTripped, "{}", report.reason);
    assert!((report.breakers[0].interval_ms - 1_000.0).abs() < f64::EPSILON);
    let calm = super::report(&breaker(claim, "", NOTHING), &Arc::new(Fake::default())).await;
    assert_eq!(calm.verdict, Verdict::Passed, "{}", calm.reason);
}

#[tokio::test(start_paused = true)]
async fn no_data_opens_a_breaker_only_if_it_says_so() {
    let claim = "p99 syscall_duration where target=cgroup:/web over 2s < 20ms";
    let fake = || Arc::new(Fake::default());
    let ignored = report(&breaker(claim, "", HARM), &fake()).await;
    assert_eq!(ignored.verdict, Verdict::Passed, "{}", ignored.reason);
    assert_eq!(ignored.breakers[0].samples, 0);
    let bad = report(&breaker(claim, ", no_data: bad", HARM), &fake()).await;
    assert_eq!(bad.verdict, Verdict::BreakerTripped, "{}", bad.reason);
}
