//! How long `temblor doctor` takes, as a process, from its start to its end.
//!
//! Cold: in a new run directory, so that every mechanism is tried on throw-away processes, cgroups and
//! namespaces. Cached: again in the same directory, where the findings are read. Programs and libraries
//! are in the page cache in both cases. There is no peer.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::row::{Row, Rows};
use super::statistics::{median, percentile};
use super::suite::Effort;
use crate::engine::temblor_program;

const ROUNDS: usize = 40;
const COLD_AIM_MS: f64 = 500.0;
const CACHED_AIM_MS: f64 = 30.0;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let rounds = effort.rounds(ROUNDS);
    let (mut cold, mut cached) = (Vec::new(), Vec::new());
    for number in 1..=rounds {
        let folder = tempfile::tempdir()?;
        cold.push(doctor(folder.path())?);
        ensure!(
            folder.path().join("capabilities.json").exists(),
            "the doctor has noted nothing"
        );
        cached.push(doctor(folder.path())?);
        if number % 10 == 0 {
            effort.progress(&format!("round {number} of {rounds}"));
        }
    }
    Ok(vec![
        row("doctor, nothing known yet", &cold).at_most(COLD_AIM_MS),
        row("doctor, everything known", &cached).at_most(CACHED_AIM_MS),
    ])
}

fn row(metric: &str, milliseconds: &[f64]) -> Row {
    let note = format!("median; p95 {:.1} ms", percentile(milliseconds, 0.95));
    Row::new(metric, "ms", median(milliseconds), milliseconds.len()).note(note)
}

/// Milliseconds.
fn doctor(run_dir: &Path) -> Result<f64> {
    let begun = Instant::now();
    let status = Command::new(temblor_program()?)
        .arg("--run-dir")
        .arg(run_dir)
        .args(["--json", "doctor"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("failed to start the doctor")?;
    let took = begun.elapsed();
    ensure!(status.success(), "the doctor ended with {status}");
    Ok(took.as_secs_f64() * 1e3)
}
