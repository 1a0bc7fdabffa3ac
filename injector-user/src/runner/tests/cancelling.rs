//! A person ends the run, at any time.

use std::sync::Arc;
use std::time::Duration;

use injector_core::report::{EndReason, Verdict};
use proptest::prelude::*;

use super::fake::Fake;
use super::{cancelled, told};
use crate::runner::Cancel;

const LINES: &str = "\
method:
- {type: action, name: slow, provider: {type: temblor, fault: net.loss, target: 'pid:1', duration: 60s}, pauses: {after: 1}}
- {type: action, name: wait, background: true, provider: {type: temblor, fault: net.loss, target: 'pid:1', duration: 30s, wait: true}}
- {type: action, name: last, provider: {type: temblor, stop: slow}, pauses: {before: 5}}
rollbacks:
- {type: action, name: r, provider: {type: temblor, stop: slow}, pauses: {before: 1}}
- {type: action, name: s, provider: {type: temblor, stop: slow}}
runtime: {rollbacks: {strategy: always}}
";

#[tokio::test(start_paused = true)]
async fn one_interrupt_switches_off_rolls_back_and_reports() {
    let fake = Arc::new(Fake::default());
    let report = cancelled(LINES, &fake, &[(2_000, Cancel::Gracefully)]).await;
    assert_eq!(
        (report.verdict, report.exit_code),
        (Verdict::Interrupted, 1)
    );
    assert_eq!(
        told(&report),
        [
            "method:slow",
            "method:wait cancelled",
            "rollback:r",
            "rollback:s"
        ]
    );
    assert_eq!(
        fake.log(),
        ["arm slow", "arm wait", "kill", "stop 0", "stop 1"]
    );
    assert!(
        report
            .faults
            .iter()
            .all(|fault| fault.ended == EndReason::Interrupted)
    );
}

#[tokio::test(start_paused = true)]
async fn the_default_strategy_does_not_roll_back_after_an_interrupt() {
    let lines = LINES.replace("always", "default");
    let report = cancelled(
        &lines,
        &Arc::new(Fake::default()),
        &[(500, Cancel::Gracefully)],
    )
    .await;
    assert_eq!(told(&report), ["method:slow"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_interrupt_cuts_the_rollbacks_short() {
    let fake = Arc::new(Fake::default());
    let report = cancelled(
        LINES,
        &fake,
        &[(500, Cancel::Gracefully), (600, Cancel::Now)],
    )
    .await;
    assert_eq!(told(&report), ["method:slow"]);
    assert_eq!(
        report.warnings,
        ["the rollbacks were cut short by a second interrupt"]
    );
    let report = cancelled(LINES, &Arc::new(Fake::default()), &[(500, Cancel::Now)]).await;
    assert_eq!(
        (told(&report), report.verdict),
        (vec!["method:slow".to_owned()], Verdict::Interrupted)
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_being_armed_is_not_lost() {
    let fake = Arc::new(Fake {
        arming: Duration::from_secs(2),
        ..Fake::default()
    });
    let report = cancelled(LINES, &fake, &[(500, Cancel::Gracefully)]).await;
    assert_eq!(fake.log(), ["kill", "arm slow", "stop 0"]);
    assert_eq!(report.faults.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whenever the interrupts come, nothing stays armed and every fault that was armed is reported.
    #[test]
    fn nothing_stays_armed(at in 0u64..9_000, second in 0u64..3_000, arming in 0u64..1_500, opens in 0u32..6_000) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let fake = Arc::new(Fake { arming: Duration::from_millis(arming), ..Fake::default() });
            let breaker = format!(
                "x-temblor: {{breakers: [{{probe: {{type: probe, name: hits, tolerance: {{type: range, range: [0, {opens}]}}, \
                 provider: {{type: temblor, metric: slow.injected}}}}, consecutive: 1, rearm: {{initial: 200ms}}}}]}}\n"
            );
            let wishes = [(at, Cancel::Gracefully), (at + second, Cancel::Now)];
            // That no fault is left armed is asserted there.
            let report = cancelled(&format!("{LINES}{breaker}"), &fake, &wishes).await;
            let log = fake.log();
            let armed = log.iter().filter(|line| line.starts_with("arm")).count();
            assert_eq!(report.faults.len(), armed, "{log:?}");
            assert_eq!(log.iter().filter(|line| line.starts_with("stop")).count(), armed, "{log:?}");
        });
    }
}
