//! `net.delay` on a container: its client feels it, and of its sibling nobody does.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::delay::check_felt;
use super::span::during;
use crate::demo::client::Lane;
use crate::demo::containers::Containers;
use crate::demo::demo::{Demo, Recovery, of};
use crate::demo::tape::{Span, Tape};
use crate::demo::temblor::Process;

const LONGEST: Duration = Duration::from_secs(20);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let tape = client(demo)?;
    let before = demo.rest()?;
    let process = inject(demo, "3s")?;
    let report = demo.play(process, LONGEST)?;
    let during = during(&report);
    let back = demo.recover_of(&tape, Lane::Primary, report.window.ended_ns)?;
    let calm = tape.figures(Lane::Primary, before);
    let felt = tape.figures(Lane::Primary, during);
    check_felt(demo, "the client felt the delay", &calm, &felt);
    check_sibling(demo, &tape, before, during);
    check_back(demo, &tape, before)?;
    demo.check_left(format!("the client was well {}", shown(back)))
}

/// What the client in its container feels.
pub(super) fn client(demo: &Demo) -> Result<Tape> {
    let containers = demo.containers.as_ref();
    let tape = containers.map(Containers::tape).cloned();
    tape.context("there are no containers")
}

/// Delays what the Redis container sends.
pub(super) fn inject(demo: &Demo, duration: &str) -> Result<Process> {
    let target = ("target", Containers::TARGET);
    let parameters = [target, ("latency", "20ms"), ("duration", duration)];
    demo.inject("net.delay", &parameters)
}

pub(super) fn check_sibling(demo: &mut Demo, tape: &Tape, before: Span, during: Span) {
    let of = (tape, Lane::Replica);
    demo.check_same("the sibling container is untouched", of, before, during);
}

/// Watches for as long as before the fault whether all is as it was then.
pub(super) fn check_back(demo: &mut Demo, tape: &Tape, before: Span) -> Result<()> {
    let (of, after) = ((tape, Lane::Primary), demo.rest()?);
    demo.check_same("the client is as before", of, before, after);
    Ok(())
}

/// How soon the client was well.
pub(super) fn shown(back: Recovery) -> String {
    if back.new.is_zero() {
        "at once".to_owned()
    } else {
        format!("after {}", of(back.new))
    }
}
