//! The same verdicts as the real Chaos Toolkit, recorded by `chaostoolkit/record_tolerances.py`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what broke by panicking"
)]

use injector_core::experiment::tolerance::{Finding, Tolerance};
use injector_core::experiment::{Overrides, Source, validate};
use serde_json::{Value, json};

/// The tolerance as the experiment reader takes it, or what is wrong with it.
fn read(tolerance: &Value) -> Result<Tolerance, String> {
    let probe = json!({
        "type": "probe", "name": "p", "tolerance": tolerance, "provider": { "type": "process", "path": "true" }
    });
    let hypothesis = json!({ "title": "h", "probes": [probe] });
    let text = json!({ "title": "t", "description": "d", "method": [], "steady-state-hypothesis": hypothesis }).to_string();
    let validated = validate(
        &text,
        &Source {
            file: None,
            environment: &|_| None,
            overrides: Overrides::NONE,
        },
    );
    let errors: Vec<String> = validated.errors.iter().map(ToString::to_string).collect();
    match validated.experiment {
        Some(experiment) => Ok(experiment.hypothesis.unwrap().probes.remove(0).tolerance),
        None => Err(errors.join("; ")),
    }
}

fn ours(tolerance: &Value, answer: &Value) -> &'static str {
    match read(tolerance).map(|tolerance| tolerance.check(answer)) {
        Err(_) => "invalid",
        Ok(Finding::Met) => "met",
        Ok(Finding::NotMet { .. }) => "not met",
        Ok(Finding::Ask(_)) => panic!("no vector asks another probe"),
    }
}

#[test]
fn tolerances_are_met_by_what_meets_them_in_the_toolkit() {
    let recorded: Value =
        serde_json::from_str(include_str!("chaostoolkit/tolerances.json")).unwrap();
    let values = recorded["values"].as_array().unwrap();
    let mut compared = 0;
    let mut different = Vec::new();
    for vector in recorded["vectors"].as_array().unwrap() {
        let verdicts = vector["verdicts"].as_array().unwrap();
        for (value, verdict) in values.iter().zip(verdicts) {
            let expected = if verdict == "raises" {
                "not met"
            } else {
                verdict.as_str().unwrap()
            };
            let got = ours(&vector["tolerance"], value);
            compared += 1;
            if got != expected {
                different.push(format!(
                    "{} on {value}: {verdict} there, {got} here",
                    vector["tolerance"]
                ));
            }
        }
    }
    assert!(
        different.is_empty(),
        "{} of {compared} differ:\n{}",
        different.len(),
        different.join("\n")
    );
    assert!(compared > 5_000, "{compared}");
}
