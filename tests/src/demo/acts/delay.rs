//! `net.delay`: the whole distribution moves by what was asked, and nothing else.

use std::time::Duration;

use anyhow::Result;
use injector_user::protocol::FaultReport;

use super::span::during;
use crate::demo::client::Lane;
use crate::demo::demo::Demo;
use crate::demo::figures::{Figures, Ms};

const ASKED_MS: f64 = 20.0;
const JITTER_MS: f64 = 5.0;
const LONGEST: Duration = Duration::from_secs(20);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let target = demo.stage.client_a()?;
    let process = demo.inject(
        "net.delay",
        &[
            ("target", &target),
            ("latency", "20ms"),
            ("jitter", "5ms"),
            ("duration", "3s"),
        ],
    )?;
    let report = demo.play(process, LONGEST)?;
    let back = demo.recover(Lane::Primary, report.window.ended_ns)?;
    let tape = demo.stage.a.tape();
    let calm = tape.figures(Lane::Primary, before);
    let felt = tape.figures(Lane::Primary, during(&report));
    check_felt(demo, "client A felt the delay", &calm, &felt);
    check_jitter(demo, &felt);
    check_engine(demo, &report);
    demo.check_untouched(Lane::Primary, before, during(&report));
    demo.check_left(back)
}

/// As much was added as was asked for.
pub(super) fn check_felt(demo: &mut Demo, name: &str, calm: &Figures, felt: &Figures) {
    let added = felt.median - calm.median;
    let tolerance = 0.2f64.mul_add(ASKED_MS, 1.0);
    demo.check(
        name,
        (added - ASKED_MS).abs() <= tolerance && felt.errors == 0,
        format!(
            "median {} before, {} during: {} more, asked {ASKED_MS} ms; {} errors in {} operations",
            Ms(calm.median),
            Ms(felt.median),
            Ms(added),
            felt.errors,
            felt.operations,
        ),
    );
}

fn check_jitter(demo: &mut Demo, felt: &Figures) {
    let width = felt.p95 - felt.p5;
    demo.check(
        "client A felt the jitter",
        width > JITTER_MS && width < 4.0 * JITTER_MS,
        format!(
            "90 % of the operations took {} to {}, asked ± {JITTER_MS} ms",
            Ms(felt.p5),
            Ms(felt.p95)
        ),
    );
}

/// The kernel's own measurement at client A's sockets, independent of ours.
fn check_engine(demo: &mut Demo, report: &FaultReport) {
    let felt = report.felt.as_ref();
    let both = felt.and_then(|felt| Some((felt.before_us?, felt.during_us?)));
    let ms = |us: u64| Ms(Duration::from_micros(us).as_secs_f64() * 1e3);
    let detail = both.map_or_else(
        || "no measurement".to_owned(),
        |(before, during)| {
            format!(
                "round trip of its sockets {} before, {} during",
                ms(before),
                ms(during)
            )
        },
    );
    let passed = both.is_some() && felt.is_some_and(|felt| !felt.flagged);
    demo.check("the kernel measured the same", passed, detail);
}
