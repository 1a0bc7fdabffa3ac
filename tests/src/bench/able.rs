//! What the host can do of what is to be measured.

use std::process::Command;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use serde_json::Value;

use crate::engine::{Engine, temblor_program};

/// The names of mechanisms that this host supports.
pub(super) fn mechanisms(engine: &Engine, kind: Kind) -> Result<Vec<String>> {
    let output = Command::new(temblor_program()?)
        .args(["--json", "doctor", "--fault", kind.name()])
        .env("TEMBLOR_RUN_DIR", engine.run_dir())
        .output()?;
    let said: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let rows = said["faults"][0]["mechanisms"].as_array();
    let able = rows.context("mechanisms")?.iter();
    let able = able.filter(|row| row["state"] == "supported");
    let names = able.filter_map(|row| row["mechanism"].as_str());
    Ok(names.map(str::to_owned).collect())
}
