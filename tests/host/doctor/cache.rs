//! What it has found out it does not find out again, unless the kernel or the program is another.

use std::fs;

use anyhow::Result;
use injector_core::plan::CapabilityState;
use serde_json::Value;
use temblor_tests::alone;

use super::examine::{doctor, examine, states};

/// Says what the second run says after `change` has been made to what the first one wrote down.
fn second(change: impl FnOnce(&str) -> String) -> Result<(Value, Value)> {
    let _alone = alone()?;
    let run = tempfile::tempdir()?;
    let (first, _code) = examine(doctor(run.path(), &[])?)?;
    let path = run.path().join("capabilities.json");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, change(&text))?;
    let (second, code) = examine(doctor(run.path(), &[])?)?;
    assert_eq!(code, Some(0));
    Ok((first, second))
}

/// Makes the file say what no trial would.
fn lie(text: &str) -> String {
    let lie = text.replace("\"supported\"", "\"refused-by-policy\"");
    lie.replace("\"reason\": \"\"", "\"reason\": \"so it is written\"")
}

#[test]
fn a_second_run_asks_the_file_and_not_the_host() -> Result<()> {
    let (first, second) = second(lie)?;
    for (mechanism, (state, reason)) in states(&first)? {
        if state == CapabilityState::Supported {
            let expected = (
                CapabilityState::RefusedByPolicy,
                "so it is written".to_owned(),
            );
            assert_eq!(states(&second)?[&mechanism], expected, "{reason}");
        }
    }
    Ok(())
}

#[test]
fn what_was_found_out_in_another_boot_says_nothing() -> Result<()> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let other = "00000000-0000-0000-0000-000000000000";
    let (first, second) = second(|text| lie(text).replace(boot.trim_end(), other))?;
    assert_eq!(states(&first)?, states(&second)?);
    Ok(())
}
