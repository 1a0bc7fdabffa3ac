//! How long it takes from `temblor inject syscall.error … -- COMMAND` to the command's first call that
//! fails, with an engine that has done it before.
//!
//! The time runs from when `temblor` is started as a process to when the call has come back to the
//! command, which makes it as the first thing it does: in it are the start of `temblor`, the arming, and
//! the start of the command. There is no peer.

use std::process::Command;

use anyhow::{Context as _, Result};
use injector_user::clock::monotonic_ns;

use super::calls::{Calling, Cheap};
use super::row::{Row, Rows};
use super::statistics::{median, microseconds, percentile};
use super::suite::Effort;
use crate::engine::{Engine, temblor_program};

const ROUNDS: usize = 200;
const AIM_MS: f64 = 20.0;

/// What makes the call fail, and a call that it can make fail.
const WAYS: [(&str, Cheap); 2] = [("seccomp", Cheap::Getpgid), ("cgroup", Cheap::Socket)];

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let ways = WAYS.into_iter();
    ways.map(|(backend, call)| warm(effort, &engine, backend, call))
        .collect()
}

fn warm(effort: Effort, engine: &Engine, backend: &str, call: Cheap) -> Result<Row> {
    let calling = Calling::new(call)?;
    let rounds = effort.rounds(ROUNDS);
    let mut times = Vec::new();
    // The first one finds out what the host can do, and loads the programs.
    for number in 0..=rounds {
        let mut command = Command::new(temblor_program()?);
        command
            .args(["--json", "inject", "syscall.error"])
            .args(["--syscalls", call.name(), "--backend", backend])
            .args(["--errno", "EIO", "--duration", "10s", "--"])
            .args(calling.words()?)
            .env("TEMBLOR_RUN_DIR", engine.run_dir());
        let begun_ns = monotonic_ns();
        let felt = calling.run(command)?;
        let failed_ns = felt.failed_ns.context("no call failed")?;
        if number > 0 {
            times.push(microseconds(begun_ns, failed_ns) / 1e3);
        }
        if number % 20 == 0 {
            effort.progress(&format!("{backend}: round {number} of {rounds}"));
        }
    }
    let row = Row::new(
        format!("warm inject to first injected call, {backend}, p99"),
        "ms",
        percentile(&times, 0.99),
        rounds,
    );
    let note = format!("median {:.2} ms", median(&times));
    Ok(row.at_most(AIM_MS).note(note))
}
