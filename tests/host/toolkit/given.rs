//! Configuration, secrets, and what is given beside the file.

use anyhow::Result;
use serde_json::{Value, json};

use super::both::{Case, check};
use super::order::{probe, process, with};

fn configured(configuration: &Value, secrets: &Value, words: &[&str]) -> Case {
    Case::of(json!({
        "title": "with ${name}",
        "description": "d",
        "configuration": configuration,
        "secrets": secrets,
        "method": [process("action", "say", words)],
        "rollbacks": [],
    }))
}

const SAY: &[&str] = &["sh", "-c", "printf '%s,%s' '${name}' '${number}' > said"];

#[test]
fn names_stand_for_what_they_stand_for_in_the_toolkit() -> Result<()> {
    let none = json!({});
    let environment = json!({ "type": "env", "key": "TEMBLOR_NAME" });
    let typed = |kind: &str| json!({ "type": "env", "key": "TEMBLOR_NUMBER", "env_var_type": kind, "default": "7" });
    let mut cases = vec![
        configured(&json!({ "name": "n", "number": 5 }), &none, SAY),
        configured(
            &json!({ "name": environment.clone(), "number": 0.5 }),
            &none,
            SAY,
        ),
        configured(&json!({ "name": true, "number": null }), &none, SAY),
        configured(
            &json!({ "name": [1, "a"], "number": "$$ ${name}" }),
            &none,
            SAY,
        ),
        configured(&json!({ "number": "5" }), &none, SAY),
    ];
    for kind in ["str", "int", "float", "bool", "json"] {
        let configuration = json!({ "name": environment.clone(), "number": typed(kind) });
        cases.push(configured(&configuration, &none, SAY));
    }
    for case in &mut cases {
        case.environment = vec![("TEMBLOR_NAME", "of the environment")];
    }
    check(&cases)
}

#[test]
fn what_is_given_wins_as_it_does_in_the_toolkit() -> Result<()> {
    let configuration =
        json!({ "name": "of the file", "number": { "type": "env", "key": "TEMBLOR_NUMBER" } });
    let given: [&[&str]; 5] = [
        &["--var", "name=given", "--var", "number:int=6"],
        &["--var", "number:float=1.5"],
        &["--var-file", "vars.yaml"],
        &["--var-file", "vars.yaml", "--var", "name=wins"],
        &["--var-file", "vars.env"],
    ];
    let mut cases = Vec::new();
    for flags in given {
        let mut case = configured(&configuration, &json!({}), SAY);
        // Without it the toolkit refuses the file, whatever is given.
        case.environment = vec![("TEMBLOR_NUMBER", "4")];
        case.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        case.files = vec![
            (
                "vars.yaml",
                "configuration:\n  name: of the other file\n  number: 8\n".to_owned(),
            ),
            ("vars.env", "# a comment\n\nTEMBLOR_NUMBER=9\n".to_owned()),
        ];
        cases.push(case);
    }
    check(&cases)
}

#[test]
fn a_dry_run_leaves_out_what_the_toolkit_leaves_out() -> Result<()> {
    let paused = json!({ "pauses": { "before": 0.1 } });
    let mut cases = Vec::new();
    for dry in ["probes", "actions", "activities", "pause"] {
        let mut case = Case::of(json!({
            "title": "t",
            "description": "d",
            "steady-state-hypothesis": {
                "title": "h",
                "probes": [with(probe("ok", &["sh", "-c", "echo probe >> played"], json!(0)), &paused)],
            },
            "method": [
                with(process("action", "act", &["sh", "-c", "echo action >> played"]), &paused),
                process("probe", "look", &["sh", "-c", "echo look >> played"]),
            ],
            "rollbacks": [process("action", "back", &["sh", "-c", "echo back >> played"])],
        }));
        case.flags = vec!["--dry".to_owned(), dry.to_owned()];
        cases.push(case);
    }
    check(&cases)
}
