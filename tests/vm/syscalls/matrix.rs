//! What can be made to fail does, for the target and for nobody else, and it is over when it is over.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use injector_core::fault::Kind;
use serde_json::Value;
use temblor_tests::{Caller, Client, Engine, Told, params, temblor_program, wait_until};

use super::call::DEADLINE;

/// The seed decides which errors are drawn.
const SEED: &str = "4";

#[test]
fn what_the_doctor_says_can_fail_does_with_each_errno_and_for_nobody_else() -> Result<()> {
    let covered = covered()?;
    let known = Caller::known()?;
    let calls: Vec<&str> = known
        .iter()
        .map(String::as_str)
        .filter(|name| covered.contains(*name))
        .collect();
    assert!(
        !calls.is_empty(),
        "this kernel can do nothing: {:?}",
        doctor()?
    );
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    // Some of them could not even be begun while the others fail.
    for calls in calls.chunks(20) {
        check_all(&mut client, calls)?;
    }
    engine.end()
}

fn check_all(client: &mut Client, calls: &[&str]) -> Result<()> {
    let mut victim = Caller::start(Caller::TIMES, calls)?;
    let mut sibling = Caller::start(1, calls)?;
    let pid = format!("pid:{}", victim.pid());
    let given = [
        ("target", pid.as_str()),
        ("duration", "10m"),
        ("seed", SEED),
        ("syscalls", &calls.join(",")),
        ("errno", &Caller::ERRNOS.join(",")),
    ];
    let armed = client.arm(Kind::SyscallError, &params(given))?;
    victim.begin()?;
    let made = u64::try_from(calls.len() * Caller::TIMES)?;
    let mut counted = 0;
    let all_made = wait_until("all calls have failed", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        counted = report.map_or(0, |report| report.counters.injected);
        counted >= made
    });
    let other = sibling.round()?;
    let report = client.stop_one(&armed)?;
    let told = victim.tell()?;
    let expected = Caller::errnos()?;
    let mut wrong = sorted(&told);
    wrong.retain(|_call, errnos| *errnos != expected);
    assert!(wrong.is_empty(), "{wrong:?}");
    all_made.with_context(|| format!("{counted} of {made}"))?;
    assert_eq!(report.counters.injected, made, "{report:?}");
    assert_eq!(report.counters.matched, made, "{report:?}");
    check_untouched(&other)?;
    check_untouched(&victim.round()?)
}

fn check_untouched(told: &Told) -> Result<()> {
    let failed: Vec<_> = told.iter().filter(|(_, errnos)| **errnos != [0]).collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("nothing acts, and these failed: {failed:?}")
}

fn sorted(told: &Told) -> BTreeMap<&str, BTreeSet<i32>> {
    let all = told.iter();
    all.map(|(call, errnos)| (call.as_str(), errnos.iter().copied().collect()))
        .collect()
}

/// The system calls that can be made to fail here, as the doctor says.
fn covered() -> Result<BTreeSet<String>> {
    let rows = doctor()?;
    let covered = rows.iter().filter(|row| !row["mechanism"].is_null());
    Ok(covered
        .filter_map(|row| row["syscall"].as_str().map(str::to_owned))
        .collect())
}

fn doctor() -> Result<Vec<Value>> {
    let run = tempfile::tempdir()?;
    let output = std::process::Command::new(temblor_program()?)
        .args(["doctor", "--matrix", "--json"])
        .env("TEMBLOR_RUN_DIR", run.path())
        .output()?;
    let said: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    said["syscalls"].as_array().cloned().context("a list")
}
