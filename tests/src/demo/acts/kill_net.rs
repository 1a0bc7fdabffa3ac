//! The engine is killed while its programs drop packets and its line holds them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::report::Undo;
use injector_user::protocol::{FaultReport, State};

use super::span::until;
use crate::demo::client::Lane;
use crate::demo::demo::{Demo, in_one_line, of};
use crate::demo::figures::Ms;
use crate::demo::tape::Span;
use crate::demo::temblor::Process;

const LONGEST: Duration = Duration::from_secs(20);
/// How long the first fault acts before the second, and that before the engine is killed.
const ACT: Duration = Duration::from_millis(1_500);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let target = demo.stage.client_a()?;
    let duration = ("duration", "60s");
    let delay = [
        ("target", &*target),
        ("latency", "20ms"),
        ("jitter", "5ms"),
        duration,
    ];
    let loss = [("target", &*target), ("probability", "30%"), duration];
    let delay = demo.inject("net.delay", &delay)?;
    await_effect(demo, 1)?;
    demo.watch(ACT)?;
    let loss = demo.inject("net.loss", &loss)?;
    await_effect(demo, 2)?;
    demo.watch(ACT)?;
    let shot = shoot(demo)?;
    let armed = shot.faults.last().context("nothing was armed")?;
    let during = until(armed, shot.at_ns);
    let back = demo.recover(Lane::Primary, shot.at_ns)?;
    let tape = demo.stage.a.tape();
    let (calm, felt) = (
        tape.figures(Lane::Primary, before),
        tape.figures(Lane::Primary, during),
    );
    let alone = await_clients(demo, vec![delay, loss])?;
    demo.check(
        "client A felt both",
        felt.median > calm.median + 10.0 && felt.longest >= 150.0,
        format!(
            "median {} before, {} during, the longest {}",
            Ms(calm.median),
            Ms(felt.median),
            Ms(felt.longest)
        ),
    );
    demo.check(
        "client A is well without anybody's help",
        back < Duration::from_secs(3),
        format!(
            "normal again {} after the kill, its lost packets retransmitted by TCP included",
            of(back)
        ),
    );
    check_told(demo, &alone);
    demo.check_untouched(
        Lane::Primary,
        before,
        Span {
            to_ns: shot.at_ns,
            ..during
        },
    );
    settle(demo, &shot.faults, shot.at_ns)
}

/// Waits until so many faults act and have been felt.
pub(super) fn await_effect(demo: &Demo, count: usize) -> Result<()> {
    let acts = |report: &FaultReport| report.state == State::Active && report.counters.injected > 0;
    demo.watch_until("the faults act", LONGEST, || {
        let status = demo.temblor.status().ok().flatten();
        status.is_some_and(|(_, faults)| faults.len() == count && faults.iter().all(acts))
    })?;
    Ok(())
}

/// Kills the engine, and shows what would be typed for it.
pub(super) fn shoot(demo: &Demo) -> Result<crate::demo::temblor::Shot> {
    demo.narrator
        .command("kill -KILL $(cat $TEMBLOR_RUN_DIR/engine.pid)");
    demo.temblor.shoot()
}

/// How the clients of a killed engine end.
pub(super) fn await_clients(demo: &Demo, processes: Vec<Process>) -> Result<Vec<Option<i32>>> {
    let mut codes = Vec::new();
    for mut process in processes {
        demo.watch_until("the injection has ended", LONGEST, || process.has_ended())?;
        codes.push(process.ending()?.code());
    }
    Ok(codes)
}

pub(super) fn check_told(demo: &mut Demo, codes: &[Option<i32>]) {
    let shown: Vec<String> = codes
        .iter()
        .map(|code| code.map_or_else(|| "a signal".to_owned(), |code| code.to_string()))
        .collect();
    demo.check(
        "whoever had asked for the fault was told",
        codes.iter().all(|code| code.is_some_and(|code| code != 0)),
        format!("`temblor inject` ended with {}", shown.join(" and ")),
    );
}

/// Looks whether host and stage are as they were before the first engine, and puts the faults down.
pub(super) fn settle(demo: &mut Demo, faults: &[FaultReport], at_ns: u64) -> Result<()> {
    let mut last = None;
    let found = demo.watch_until("the host is as it was", LONGEST, || {
        last = demo
            .look_at_host()
            .ok()
            .map(|now| demo.calm.difference(&now));
        last.as_ref().is_some_and(crate::Difference::is_empty)
    });
    let changed = last.map_or_else(|| "nobody could look".to_owned(), |last| in_one_line(&last));
    let entries = demo.temblor.undo_entries();
    let clean = found.is_ok() && entries == 0;
    let undo = if clean {
        Undo::Verified
    } else {
        let what = changed.clone();
        Undo::Incomplete { what }
    };
    for report in faults {
        demo.book.orphan(report, at_ns, undo.clone());
    }
    let detail = if clean {
        "engine and keeper gone; programs, links, devices, cgroups and undo log as before"
            .to_owned()
    } else {
        format!("{entries} entries to undo; changed: {changed}")
    };
    demo.check("nothing was left", clean, detail);
    Ok(())
}
