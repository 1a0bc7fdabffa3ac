//! Programs, one after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, wait};
use serde_json::Value;
use temblor_tests::{KNOWN, alone};

use crate::order::{Order, Step};
use crate::say::Said;

/// Runs them all; where a fault is refused, says so and why instead of running what would do it.
pub(crate) fn run(order: &Order, said: &Said) -> Result<()> {
    let refused = if order.steps.iter().any(|step| step.terminal) {
        // Somebody is waiting for a prompt.
        BTreeMap::new()
    } else {
        refusals(said)?
    };
    for step in &order.steps {
        let refusal = step.fault.as_ref().and_then(|fault| refused.get(fault));
        match refusal {
            Some(reason) => said.line(&format!("refused {} {reason}", step.name))?,
            None => perform(step, said)?,
        }
    }
    Ok(())
}

/// Where the doctor leaves what it has found out.
const FOUND: &str = "/run/temblor/capabilities.json";

/// The doctor's word for each fault that this kernel does not support.
fn refusals(said: &Said) -> Result<BTreeMap<String, String>> {
    // Until the kernel has freed what was loaded for it.
    let _alone = alone()?;
    let mut command = Command::new("temblor");
    command.args(["doctor", "--json"]);
    let output = command.output().context("ask the doctor")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let words: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the doctor said {complaint}"))?;
    said.line(&format!("doctor {words}"))?;
    let faults = words["faults"].as_array().context("faults are a list")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let refused = faults.iter().filter_map(|fault| {
        let main = main_ways(fault);
        let able = main.iter().any(|way| way["state"] == "supported");
        let reason = main.first().map_or(&fault["reason"], |way| &way["reason"]);
        (!able).then(|| (text(&fault["fault"]), text(reason)))
    });
    Ok(refused.collect())
}

/// The ways to do a fault to any target, if there is one: a filter is for commands only, and the tests
/// of faults that have other ways begin with processes.
fn main_ways(fault: &Value) -> Vec<&Value> {
    let all = fault["mechanisms"].as_array().into_iter().flatten();
    let main = all.filter(|way| way["only_for"].is_null());
    let (filters, others): (Vec<_>, Vec<_>) = main.partition(|way| way["mechanism"] == "seccomp");
    if others.is_empty() { filters } else { others }
}

fn perform(step: &Step, said: &Said) -> Result<()> {
    let (program, arguments) = step.command.split_first().context("a step has a command")?;
    said.line(&format!("begin {}", step.name))?;
    let input = if step.terminal {
        said.stdio()?
    } else {
        Stdio::null()
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("PATH", "/bin:/disk/bin")
        .envs(Path::new(FOUND).exists().then_some((KNOWN, FOUND)))
        .stdin(input)
        .stdout(said.stdio()?)
        .stderr(said.stdio()?);
    let child = command.spawn().with_context(|| format!("run {program}"))?;
    let status = await_and_reap(child.id().cast_signed())?;
    said.line(&format!("done {} {status}", step.name))
}

/// Waits for one child, and meanwhile takes in every orphan of the guest: nobody else does.
fn await_and_reap(child: i32) -> Result<String> {
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw() == child => {
                return Ok(format!("exit {code}"));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid.as_raw() == child => {
                return Ok(format!("signal {signal}"));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("wait for a child"),
        }
    }
}
