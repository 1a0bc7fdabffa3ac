//! Each call that the doctor says can be made to take longer does so, before it is made and after.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use serde_json::Value;
use temblor_tests::{Caller, Told, params};

use crate::doctor::{doctor, examine};
use crate::stage::Stage;

/// Faults of so many calls at once; after a call there are programs for sixteen.
const AT_ONCE: usize = 12;

const LATENCY: Duration = Duration::from_millis(10);

/// The calls that the doctor says this of.
fn said(matrix: &Value, moment: &str) -> Result<BTreeSet<String>> {
    let rows = matrix["syscalls"].as_array().context("a list of calls")?;
    let has = |row: &&Value| row.get(format!("delay_{moment}")).is_some();
    let names = rows.iter().filter(has);
    Ok(names
        .filter_map(|row| row["syscall"].as_str())
        .map(str::to_owned)
        .collect())
}

/// What some of the calls gave, how long they took together, and how often one of them was met.
fn slowly(stage: &Stage, moment: &str, calls: &[&str]) -> Result<(Told, Duration, u64)> {
    let mut caller = Caller::start(1, calls)?;
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", caller.pid());
    let all = calls.join(",");
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("syscalls", &all),
        ("moment", moment),
        ("latency", "10ms"),
    ]);
    let armed = client.arm(Kind::SyscallDelay, &given)?;
    let begun = Instant::now();
    let told = caller.round()?;
    let took = begun.elapsed();
    let report = client.stop_one(&armed)?;
    Ok((told, took, report.counters.injected))
}

#[test]
fn each_call_takes_longer_and_gives_what_it_gives_otherwise() -> Result<()> {
    let stage = Stage::set()?;
    let (matrix, _code) = examine(doctor(stage.engine.run_dir(), &["--matrix"])?)?;
    let known = Caller::known()?;
    for moment in ["before", "after"] {
        let able = said(&matrix, moment)?;
        let calls: Vec<&str> = known
            .iter()
            .filter(|call| able.contains(*call))
            .map(String::as_str)
            .collect();
        for some in calls.chunks(AT_ONCE) {
            let otherwise = Caller::start(1, some)?.round()?;
            let (told, took, met) = slowly(&stage, moment, some)?;
            assert_eq!(told, otherwise, "{moment}");
            let count = u32::try_from(some.len())?;
            assert!(met >= count.into(), "{moment} {some:?}: {met}");
            assert!(took >= LATENCY * count, "{moment} {some:?}: {took:?}");
        }
    }
    stage.close()
}
