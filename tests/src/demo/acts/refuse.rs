//! `sock.error`: a call fails as if the other side had refused it; open connections know nothing of it.

use std::time::Duration;

use anyhow::Result;

use super::loss::check_rate;
use super::span::during;
use crate::demo::client::Lane;
use crate::demo::demo::Demo;
use crate::demo::figures::Percent;

const LONGEST: Duration = Duration::from_secs(20);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let target = demo.stage.client_a()?;
    let observer = demo.observe(&target, "syscalls")?;
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
    observer.interrupt()?;
    let seen = observer.ending()?;
    let back = demo.recover(Lane::Connect, report.window.ended_ns)?;
    let during = during(&report);
    let tape = demo.stage.a.tape();
    let opened = tape.figures(Lane::Connect, during);
    check_rate(demo, report.rate.as_ref(), report.counters.eligible);
    demo.check(
        "client A felt the refusals",
        (opened.refused_share() - 0.3).abs() < 0.15 && opened.refused == opened.errors,
        format!(
            "{} of {} new connections refused ({}), {} failed otherwise",
            opened.refused,
            opened.operations,
            Percent(opened.refused_share()),
            opened.errors - opened.refused
        ),
    );
    let failed = [("syscall", "connect"), ("errno", "ECONNREFUSED")];
    let failed = seen.increase("temblor_syscall_errors_total", &failed)?;
    demo.check(
        "the observer saw every refusal, and no other",
        failed == report.counters.injected,
        format!("{failed} calls of client A seen to be refused"),
    );
    demo.check_besides(
        "its open connections went on",
        Lane::Primary,
        before,
        during,
    );
    demo.check_untouched(Lane::Connect, before, during);
    demo.check_left(back)
}
