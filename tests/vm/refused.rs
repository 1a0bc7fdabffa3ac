//! What the doctor says about a fault is what becomes of it.

use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use serde_json::Value;
use temblor_tests::{Actor, alone, temblor_program};

/// Unsupported or refused.
const REFUSED: i32 = 3;

fn temblor(arguments: &[&str]) -> Result<Output> {
    let run = tempfile::tempdir()?;
    let mut command = Command::new(temblor_program()?);
    command.args(arguments).env("TEMBLOR_RUN_DIR", run.path());
    command.output().context("run temblor")
}

#[test]
fn what_the_doctor_refuses_is_refused_with_a_reason() -> Result<()> {
    let _alone = alone()?;
    let said: Value = serde_json::from_slice(&temblor(&["doctor", "--json"])?.stdout)?;
    let victim = Actor::start()?;
    let target = format!("--target=pid:{}", victim.pid());
    for fault in said["faults"].as_array().context("a list")? {
        let name = fault["fault"].as_str().context("a name")?;
        if fault["state"] == "supported" {
            continue;
        }
        let kind: Kind = name.parse().map_err(anyhow::Error::msg)?;
        let least = kind.least().iter();
        let least: Vec<_> = least
            .map(|(name, text)| format!("--{name}={text}"))
            .collect();
        let basic = ["inject", name, &target, "--duration=1s"];
        let words = basic.into_iter().chain(least.iter().map(String::as_str));
        let output = temblor(&words.collect::<Vec<_>>())?;
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(REFUSED), "{name}: {error}");
        let reason = fault["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty(), "{name}: {fault}");
        // Before what the host lacks, it is said what the target lacks.
        let told = error.contains(reason) || error.contains("is in no v2 cgroup");
        assert!(told, "{name}: {reason:?} is not in {error}");
    }
    Ok(())
}
