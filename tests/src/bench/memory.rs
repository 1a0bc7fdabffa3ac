//! How much memory the engine has in use: idle, and with as many faults armed as there can be.
//!
//! Resident set size as the kernel counts it (`VmRSS`), after the engine has answered its first client,
//! and after 64 losses are armed on 64 containers, or on network namespaces where there is no Docker
//! Engine, which the row says. What the kernel itself keeps for programs
//! and maps is not the engine's and not in it. There is no peer.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::Which;
use procfs::process::Process;

use super::crowd::MANY;
use super::fleet::Fleet;
use super::row::{Row, Rows};
use super::statistics::median;
use super::suite::Effort;
use crate::client::params;

/// What containers are called, and a number.
const NAME: &str = "memory";
const ROUNDS: usize = 10;
const IDLE_AIM_MIB: f64 = 20.0;
const ARMED_AIM_MIB: f64 = 40.0;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let fleet = Fleet::gather(effort, NAME)?;
    let targets = fleet.targets(NAME);
    let rounds = effort.rounds(ROUNDS);
    let (mut idle, mut armed, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=rounds {
        let engine = fleet.engine()?;
        idle.push(resident(engine.pid())?);
        let mut client = engine.client()?;
        for target in &targets {
            let given = params([("target", target.as_str()), ("duration", "5m")]);
            client.arm(Kind::NetLoss, &given)?;
        }
        client.status()?;
        armed.push(resident(engine.pid())?);
        client.stop(Which::Mine)?;
        after.push(resident(engine.pid())?);
        engine.end()?;
        effort.progress(&format!("round {number} of {rounds}"));
    }
    let all_ended = format!("median; {:.1} MiB after all have ended", median(&after));
    Ok(vec![
        row("engine, idle", &idle)
            .at_most(IDLE_AIM_MIB)
            .note("median"),
        row(
            &format!("engine, {MANY} faults armed on {}", fleet.are()),
            &armed,
        )
        .at_most(ARMED_AIM_MIB)
        .note(all_ended),
    ])
}

fn row(metric: &str, mebibytes: &[f64]) -> Row {
    Row::new(metric, "MiB", median(mebibytes), mebibytes.len())
}

/// The resident set of a process, in MiB.
pub(super) fn resident(pid: i32) -> Result<f64> {
    let status = Process::new(pid)?.status()?;
    let kibibytes = status.vmrss.context("the kernel does not count it")?;
    let kibibytes = u32::try_from(kibibytes)?;
    Ok(f64::from(kibibytes) / 1_024.0)
}
