//! Nothing fails any more once the fault is over, however it ended and by whichever way it was done.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;
use temblor_tests::{Caller, Engine, temblor_program, wait_until};

use super::call::{CALL, DEADLINE, arm, fails, target};
use crate::ending::Ending;

/// Lets the fault act, and then ends it.
fn check(ending: Ending, more: &[(&str, &str)]) -> Result<()> {
    let mut caller = Caller::start(1, &[CALL])?;
    let mut sibling = Caller::start(1, &[CALL])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let more = [&[("duration", ending.duration())], more].concat();
    let armed = arm(&mut client, &target(&caller), &more)?;
    assert!(fails(&mut caller)?);
    assert!(!fails(&mut sibling)?);
    let _kept = ending.bring(&engine, client, &armed)?;
    wait_until("it is over", DEADLINE, || {
        fails(&mut caller).is_ok_and(|fails| !fails)
    })?;
    assert!(!fails(&mut sibling)?);
    Ok(())
}

#[test]
fn by_stopping_it() -> Result<()> {
    check(Ending::Stop, &[])
}

#[test]
fn by_going_away() -> Result<()> {
    check(Ending::Leave, &[])
}

#[test]
fn by_its_deadline() -> Result<()> {
    check(Ending::Deadline, &[])
}

#[test]
fn by_killing_the_engine() -> Result<()> {
    check(Ending::Kill, &[])
}

#[test]
fn by_stopping_the_engine() -> Result<()> {
    check(Ending::Suspend, &[])
}

/// Programs at functions.
const WAYS: [&str; 4] = ["fmod-ret", "kprobe", "security", "lsm"];

/// Whether this kernel can do it, by the names of mechanisms.
fn said() -> Result<BTreeMap<String, bool>> {
    let mut doctor = Command::new(temblor_program()?);
    doctor.args(["doctor", "--json", "--fault", "syscall.error"]);
    let said: Value = serde_json::from_slice(&doctor.output()?.stdout)?;
    let all = said["faults"][0]["mechanisms"].as_array();
    let row = |way: &Value| {
        let name = way["mechanism"].as_str().unwrap_or_default().to_owned();
        (name, way["state"] == "supported")
    };
    Ok(all.context("mechanisms")?.iter().map(row).collect())
}

#[test]
fn of_each_way_by_killing_and_by_stopping_the_engine() -> Result<()> {
    let said = said()?;
    for backend in WAYS.into_iter().filter(|way| said[*way]) {
        for ending in [Ending::Kill, Ending::Suspend] {
            let ended = check(ending, &[("backend", backend)]);
            ended.with_context(|| format!("{backend}, {ending:?}"))?;
        }
    }
    Ok(())
}
