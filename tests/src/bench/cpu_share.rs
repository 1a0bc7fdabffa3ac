//! Asked against observed processor time under a `cpu.limit`.
//!
//! A process that would use a whole processor is limited to a share of one. What it has used is read from
//! its `/proc/PID/schedstat`, which knows nothing of cgroups, at both ends of ten seconds that begin when
//! the limit has been in force for one. Given is the share used; it has to be within 5 % of the asked one,
//! which is the peer. A machine that is busy with others gives less: the time that the process waited for
//! a processor is in the note.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use nix::poll::{PollTimeout, poll};

use super::row::{Row, Rows};
use super::suite::Effort;
use crate::client::{Client, params};
use crate::engine::Engine;
use crate::{Pen, wait_until};

const ASKED: [(&str, f64); 4] = [("5%", 5.0), ("10%", 10.0), ("25%", 25.0), ("50%", 50.0)];
const SECONDS: usize = 10;

/// How far the observed share may be from the one asked for.
const NEAR: f64 = 0.05;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let one = |(text, percent)| {
        effort.progress(text);
        one(effort, &mut client, text, percent)
    };
    ASKED.into_iter().map(one).collect()
}

fn one(effort: Effort, client: &mut Client, text: &str, percent: f64) -> Result<Row> {
    let pen = Pen::make(Kind::CpuLimit, "share")?;
    let target = pen.target();
    let given = [("target", &*target), ("quota", text), ("duration", "5m")];
    let armed = client.arm(Kind::CpuLimit, &params(given))?;
    let greedy = pen.want()?;
    wait_until("it is throttled", Duration::from_secs(20), || {
        pen.counted().is_ok_and(|count| count > 0)
    })?;
    pause(1)?;
    let begun = Instant::now();
    let before = schedstat(greedy.pid())?;
    pause(effort.rounds(SECONDS))?;
    let after = schedstat(greedy.pid())?;
    let wall = begun.elapsed().as_secs_f64();
    let report = client.stop_one(&armed)?;
    let strain = report.strain.context("a limit says what it met with")?;
    let [used, waited] = [0, 1].map(|at| (after[at] - before[at]) / 1e9);
    let share = used / wall * 100.0;
    let metric = format!("processor time used where {text} was asked for");
    let row = Row::new(metric, "%", share, effort.rounds(SECONDS) * 10);
    let near = (share / percent - 1.0).abs() <= NEAR;
    Ok(row.peer(percent).holds(near).note(format!(
        "{wall:.2} s; ready and without a processor for {waited:.2} s of it, throttled or not; the engine \
         counted {} throttled periods",
        strain.throttled_periods
    )))
}

fn pause(seconds: usize) -> Result<()> {
    let pause = Duration::from_secs(u64::try_from(seconds)?);
    poll(&mut [], PollTimeout::try_from(pause)?)?;
    Ok(())
}

/// Nanoseconds on a processor, and ready without one.
fn schedstat(pid: i32) -> Result<[f64; 2]> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let mut numbers = text.split_whitespace().map(str::parse);
    let mut next = || numbers.next().context("a number").and_then(|one| Ok(one?));
    Ok([next()?, next()?])
}
