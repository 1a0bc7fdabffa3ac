//! What the doctor says about a fault is what becomes of it.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use serde_json::Value;
use temblor_tests::{Actor, temblor_program};

/// Unsupported or refused.
const REFUSED: i32 = 3;

/// The least that has to be said about each fault, beside whom it is for.
fn least() -> BTreeMap<&'static str, &'static [&'static str]> {
    [
        ("net.loss", &["--probability=1%"][..]),
        ("net.delay", &["--latency=1ms"]),
        ("net.duplicate", &[]),
        ("net.corrupt", &[]),
        ("net.rate", &["--rate=1mbit"]),
        ("net.partition", &[]),
        ("sock.error", &["--operation=connect", "--errno=EINTR"]),
        ("process.freeze", &["--active=10ms", "--count=1"]),
        ("process.signal", &["--signal=WINCH"]),
        ("syscall.error", &["--syscalls=getpgid", "--errno=EIO"]),
        ("process.crash", &["--syscalls=getpgid"]),
        ("process.fd_limit", &[]),
        ("process.fork_error", &[]),
        ("memory.error", &[]),
        ("disk.error", &["--path=/"]),
        ("disk.full", &["--path=/"]),
        ("disk.readonly", &["--path=/"]),
    ]
    .into()
}

fn temblor(arguments: &[&str]) -> Result<Output> {
    let run = tempfile::tempdir()?;
    let mut command = Command::new(temblor_program()?);
    command.args(arguments).env("TEMBLOR_RUN_DIR", run.path());
    command.output().context("run temblor")
}

#[test]
fn what_the_doctor_refuses_is_refused_with_a_reason() -> Result<()> {
    let said: Value = serde_json::from_slice(&temblor(&["doctor", "--json"])?.stdout)?;
    let victim = Actor::start()?;
    let target = format!("--target=pid:{}", victim.pid());
    let least = least();
    for fault in said["faults"].as_array().context("a list")? {
        let name = fault["fault"].as_str().context("a name")?;
        let Some(more) = least.get(name).filter(|_| fault["state"] != "supported") else {
            continue;
        };
        let basic = ["inject", name, &target, "--duration=1s"];
        let output = temblor(&[&basic[..], more].concat())?;
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
