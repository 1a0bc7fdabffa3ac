//! Every form of provider and tolerance.

use anyhow::Result;
use serde_json::{Value, json};

use super::both::{Case, check};
use super::order::{experiment, probe, process};

fn tolerated(words: &[&str], tolerance: Value) -> Case {
    Case::of(experiment(Some(&[probe("asked", words, tolerance)]), &[]))
}

#[test]
fn every_tolerance_is_met_or_not_as_in_the_toolkit() -> Result<()> {
    let items = r#"{"items": [{"n": 1}, {"n": 2}]}"#;
    let path = |more: Value| {
        let mut path = json!({ "type": "jsonpath", "path": "$.items[*].n", "target": "stdout" });
        for (key, value) in more.as_object().into_iter().flatten() {
            path[key] = value.clone();
        }
        path
    };
    let range =
        |low: f64, high: f64| json!({ "type": "range", "range": [low, high], "target": "stdout" });
    let judge = |program: &str| {
        let provider = json!({ "type": "process", "path": program, "arguments": {} });
        json!({ "type": "probe", "name": "judge", "provider": provider })
    };
    let cases = vec![
        tolerated(&["true"], json!(0)),
        tolerated(&["false"], json!(0)),
        tolerated(&["true"], json!(true)),
        tolerated(&["true"], json!("0")),
        tolerated(&["sh", "-c", "exit 2"], json!([1, 3])),
        tolerated(&["sh", "-c", "exit 2"], json!([1, 2])),
        tolerated(&["sh", "-c", "exit 2"], json!([1, 2, 3])),
        tolerated(&["printf", items], path(json!({}))),
        tolerated(&["printf", items], path(json!({ "count": 2 }))),
        tolerated(&["printf", items], path(json!({ "count": 3 }))),
        tolerated(&["printf", items], path(json!({ "expect": [1, 2] }))),
        tolerated(&["printf", items], path(json!({ "expect": 1 }))),
        tolerated(&["printf", items], path(json!({ "path": "$.none" }))),
        tolerated(&["printf", "4.5"], range(4.0, 5.0)),
        tolerated(&["printf", "5.5"], range(4.0, 5.0)),
        tolerated(&["printf", "x"], range(4.0, 5.0)),
        tolerated(
            &["printf", "abc"],
            json!({ "type": "regex", "pattern": "^a.c$", "target": "stdout" }),
        ),
        tolerated(
            &["printf", "abc"],
            json!({ "type": "regex", "pattern": "^b", "target": "stdout" }),
        ),
        tolerated(&["printf", "x"], judge("true")),
        tolerated(&["printf", "x"], judge("false")),
    ];
    check(&cases)
}

#[test]
fn a_process_is_started_as_the_toolkit_starts_it() -> Result<()> {
    let started = |arguments: Value| {
        let mut action = process("action", "start", &["printf"]);
        action["provider"]["arguments"] = arguments;
        Case::of(experiment(None, &[action]))
    };
    let cases = vec![
        started(json!(["%s|", "a b", 5, true, null, "", 0.5])),
        started(json!("'%s|' a b $((1 + 1))")),
        started(json!({ "%s|": "x", "-n": null, "--flag": "" })),
        started(json!(["${wanted}"])),
        started(json!("'%s' '${wanted}' ${not_there}")),
    ];
    check(&cases)
}
