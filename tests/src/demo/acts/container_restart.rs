//! A container that is restarted while a fault acts on it is another one to the kernel, and suffers on.

use std::time::Duration;

use anyhow::Result;
use injector_user::clock::monotonic_ns;

use super::container_delay::{check_back, check_sibling, client, inject};
use super::delay::check_felt;
use super::kill_net::await_effect;
use crate::demo::client::Lane;
use crate::demo::containers::Containers;
use crate::demo::demo::{Demo, nanos, of};
use crate::demo::tape::{Span, Tape};

const LONGEST: Duration = Duration::from_secs(20);
/// How long the fault acts before the restart, and is watched after it.
const ACT: Duration = Duration::from_millis(1_500);
/// Without an error for so long, the client has its connections again.
const STEADY: Duration = Duration::from_millis(300);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let tape = client(demo)?;
    let before = demo.rest()?;
    let process = inject(demo, "60s")?;
    await_effect(demo, 1)?;
    demo.watch(ACT)?;
    let during = restart(demo, &tape)?;
    demo.narrator.command("temblor stop");
    demo.temblor.stop()?;
    let report = demo.play(process, LONGEST)?;
    demo.recover_of(&tape, Lane::Primary, report.window.ended_ns)?;
    let calm = tape.figures(Lane::Primary, before);
    let felt = tape.figures(Lane::Primary, during);
    check_felt(demo, "after the restart it is delayed again", &calm, &felt);
    check_sibling(demo, &tape, before, during);
    check_back(demo, &tape, before)
}

/// Restarts the container; the time in which its client could feel the fault again.
fn restart(demo: &mut Demo, tape: &Tape) -> Result<Span> {
    let containers = demo.containers.as_ref();
    demo.narrator.command("docker restart --time 0 redis");
    let begun_ns = monotonic_ns();
    containers.map_or(Ok(()), Containers::restart)?;
    let back_ns = monotonic_ns();
    demo.watch_until("the client has its connections again", LONGEST, || {
        let lately_ns = monotonic_ns().saturating_sub(nanos(STEADY));
        let steady = Span {
            from_ns: lately_ns,
            to_ns: monotonic_ns(),
        };
        let figures = tape.figures(Lane::Primary, steady);
        lately_ns > back_ns && figures.errors == 0 && tape.is_complete(Lane::Primary, lately_ns)
    })?;
    let from_ns = monotonic_ns();
    demo.watch(ACT)?;
    let to_ns = monotonic_ns();
    let gone = Span {
        from_ns: begun_ns,
        to_ns: from_ns,
    };
    let errors = tape.figures(Lane::Primary, gone).errors;
    let took = Duration::from_nanos(back_ns - begun_ns);
    demo.check(
        "the restart was real",
        errors > 0,
        format!("{errors} operations failed, it answered {} later", of(took)),
    );
    Ok(Span { from_ns, to_ns })
}
