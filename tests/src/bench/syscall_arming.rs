//! How long it takes from `temblor inject syscall.error … -- COMMAND` to the command's first call that
//! fails, with an engine that has done it before.
//!
//! The time runs from when `temblor` is started as a process to when the call has come back to the
//! command, which makes it as the first thing it does: in it are the start of `temblor`, the arming, and
//! the start of the command. There is no peer.

use std::process::Command;

use anyhow::{Context as _, Result};
use injector_user::clock::monotonic_ns;

use super::calls::{CALL, Calling};
use super::row::{Row, Rows};
use super::statistics::{median, microseconds, percentile};
use super::suite::Effort;
use crate::engine::{Engine, temblor_program};

const ROUNDS: usize = 200;
const AIM_MS: f64 = 20.0;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let calling = Calling::new()?;
    let rounds = effort.rounds(ROUNDS);
    let mut times = Vec::new();
    // The first one finds out what the host can do.
    for number in 0..=rounds {
        let command = inject(&calling, &engine)?;
        let begun_ns = monotonic_ns();
        let felt = calling.run(command)?;
        let failed_ns = felt.failed_ns.context("no call failed")?;
        if number > 0 {
            times.push(microseconds(begun_ns, failed_ns) / 1e3);
        }
        if number % 20 == 0 {
            effort.progress(&format!("round {number} of {rounds}"));
        }
    }
    let row = Row::new(
        "warm inject to first injected call, seccomp, p99",
        "ms",
        percentile(&times, 0.99),
        rounds,
    );
    let note = format!("median {:.2} ms", median(&times));
    Ok(vec![row.at_most(AIM_MS).note(note)])
}

fn inject(calling: &Calling, engine: &Engine) -> Result<Command> {
    let mut command = Command::new(temblor_program()?);
    command
        .args(["--json", "inject", "syscall.error", "--syscalls", CALL])
        .args(["--errno", "EIO", "--duration", "10s"])
        .args(["--backend", "seccomp", "--"])
        .args(calling.words()?)
        .env("TEMBLOR_RUN_DIR", engine.run_dir());
    Ok(command)
}
