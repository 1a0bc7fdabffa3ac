//! Asking the doctor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use injector_core::plan::{CapabilityState, Hierarchy, Mechanism};
use injector_user::freezer::Flavour;
use injector_user::target::Mounts;
use serde_json::Value;
use temblor_tests::temblor_program;

pub(crate) fn doctor(run_dir: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(temblor_program()?);
    command.args(["doctor", "--json"]).args(arguments);
    command.env("TEMBLOR_RUN_DIR", run_dir);
    Ok(command)
}

/// What it prints and exits with.
pub(crate) fn examine(mut command: Command) -> Result<(Value, Option<i32>)> {
    let output = command.output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_slice(&output.stdout);
    let value = value.with_context(|| format!("{command:?} said {complaint}"))?;
    Ok((value, output.status.code()))
}

/// State and reason of each mechanism.
pub(crate) fn states(said: &Value) -> Result<BTreeMap<Mechanism, (CapabilityState, String)>> {
    let faults = said["faults"].as_array().context("faults are a list")?;
    let rows = faults
        .iter()
        .filter_map(|fault| fault["mechanisms"].as_array());
    let state = |row: &Value| {
        let mechanism = serde_json::from_value(row["mechanism"].clone())?;
        let state = serde_json::from_value(row["state"].clone())?;
        let reason = row["reason"].as_str().context("a reason is text")?;
        Ok((mechanism, (state, reason.to_owned())))
    };
    rows.flatten().map(state).collect()
}

/// The same without their reasons.
pub(super) fn all_in(state: CapabilityState) -> BTreeSet<(Mechanism, CapabilityState)> {
    let all = Mechanism::ALL.iter();
    all.map(|mechanism| (*mechanism, state)).collect()
}

pub(super) fn only_states(said: &Value) -> Result<BTreeSet<(Mechanism, CapabilityState)>> {
    let states = states(said)?.into_iter();
    Ok(states
        .map(|(mechanism, (state, _reason))| (mechanism, state))
        .collect())
}

/// Where a hierarchy is mounted, or nowhere.
pub(super) fn point(flavour: Flavour) -> Result<Option<String>> {
    let hierarchy = match flavour {
        Flavour::V2 => Hierarchy::V2,
        Flavour::V1 => Hierarchy::V1Freezer,
    };
    let mounts = Mounts::read()?;
    Ok(mounts
        .get(&hierarchy)
        .map(|mount| mount.point.display().to_string()))
}
