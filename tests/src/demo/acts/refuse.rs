//! `sock.error`: a call fails as if the other side had refused it; open connections know nothing of it.

use std::time::Duration;

use anyhow::Result;

use super::loss::check_rate;
use super::span::during;
use crate::demo::client::Lane;
use crate::demo::demo::{Demo, is_same};
use crate::demo::figures::{Ms, Percent};

const LONGEST: Duration = Duration::from_secs(20);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let target = demo.stage.client_a()?;
    let process = demo.inject(
        "sock.error",
        &[
            ("target", &target),
            ("operation", "connect"),
            ("errno", "ECONNREFUSED"),
            ("probability", "30%"),
            ("duration", "3s"),
        ],
    )?;
    let report = demo.play(process, LONGEST)?;
    let back = demo.recover(Lane::Connect, report.window.ended_ns)?;
    let during = during(&report);
    let tape = demo.stage.a.tape();
    let (opened, open) = (
        tape.figures(Lane::Connect, during),
        tape.figures(Lane::Primary, during),
    );
    let calm = tape.figures(Lane::Primary, before);
    check_rate(demo, report.rate.as_ref(), report.counters.eligible);
    demo.check(
        "client A felt the refusals",
        (opened.refused_share() - 0.3).abs() < 0.15 && opened.refused == opened.errors,
        format!(
            "{} of {} new connections refused ({}), none failed otherwise",
            opened.refused,
            opened.operations,
            Percent(opened.refused_share())
        ),
    );
    demo.check(
        "its open connections went on",
        is_same(&calm, &open),
        format!(
            "median {} before, {} during; {} errors in {} operations",
            Ms(calm.median),
            Ms(open.median),
            open.errors,
            open.operations
        ),
    );
    demo.check_untouched(Lane::Connect, before, during);
    demo.check_left(back)
}
