//! `net.loss`: nobody is told, so TCP has to find out by itself, which takes it 200 ms and more.

use std::time::Duration;

use anyhow::Result;
use injector_core::proof::Rate;

use super::span::during;
use crate::demo::client::{Lane, Outcome};
use crate::demo::demo::Demo;
use crate::demo::figures::{Ms, Percent};

const LONGEST: Duration = Duration::from_secs(20);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let target = demo.stage.client_a()?;
    let process = demo.inject(
        "net.loss",
        &[
            ("target", &target),
            ("probability", "30%"),
            ("duration", "4s"),
        ],
    )?;
    let report = demo.play(process, LONGEST)?;
    let back = demo.recover(Lane::Primary, report.window.ended_ns)?;
    let during = during(&report);
    let tape = demo.stage.a.tape();
    let calm = tape.figures(Lane::Primary, before);
    let felt = tape.figures(Lane::Primary, during);
    let all = tape.began_in(Lane::Primary, during);
    let told = all
        .iter()
        .filter(|it| matches!(it.outcome, Outcome::Refused | Outcome::Failed))
        .count();
    check_rate(demo, report.rate.as_ref(), report.counters.eligible);
    demo.check(
        "client A felt the loss",
        felt.slow_share() > calm.slow_share() + 0.1 && felt.longest >= 150.0,
        format!(
            "{} of its operations waited for a retransmission ({} before), the longest {}",
            Percent(felt.slow_share()),
            Percent(calm.slow_share()),
            Ms(felt.longest)
        ),
    );
    demo.check(
        "the loss was silent",
        told == 0,
        format!(
            "{told} errors told to its sockets in {} operations, {} gave up waiting",
            felt.operations, felt.errors
        ),
    );
    demo.check_untouched(Lane::Primary, before, during);
    demo.check_left(back)
}

/// Asked against observed, by the kernel's counters.
pub(super) fn check_rate(demo: &mut Demo, rate: Option<&Rate>, eligible: u64) {
    let detail = rate.map_or_else(
        || "nothing was eligible".to_owned(),
        |rate| {
            format!(
                "{} of {eligible} events, {} interval {} to {}, asked {}",
                Percent(rate.observed),
                Percent(rate.confidence),
                Percent(rate.low),
                Percent(rate.high),
                Percent(rate.asked),
            )
        },
    );
    let passed = rate.is_some_and(|rate| rate.within() && rate.observed > 0.0);
    demo.check("as many as asked", passed, detail);
}
