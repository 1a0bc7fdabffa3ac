//! In which order activities are played, and when rollbacks are.

use anyhow::Result;
use serde_json::{Value, json};

use super::both::{Case, check};

/// A program with its arguments.
pub(super) fn process(kind: &str, name: &str, words: &[&str]) -> Value {
    let (path, arguments) = words.split_first().unwrap_or((&"true", &[]));
    let provider = json!({ "type": "process", "path": path, "arguments": arguments });
    json!({ "type": kind, "name": name, "provider": provider })
}

/// A probe that is tolerated so.
pub(super) fn probe(name: &str, words: &[&str], tolerance: Value) -> Value {
    let mut probe = process("probe", name, words);
    probe["tolerance"] = tolerance;
    probe
}

/// With more keys.
pub(super) fn with(mut activity: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        activity[key] = value.clone();
    }
    activity
}

pub(super) fn experiment(probes: Option<&[Value]>, method: &[Value]) -> Value {
    let mut experiment = json!({
        "title": "t",
        "description": "d",
        "configuration": { "wanted": "x y" },
        "method": method,
        "rollbacks": [
            process("action", "back", &["sh", "-c", "echo back >> played"]),
            process("action", "and forth", &["false"]),
        ],
    });
    if let Some(probes) = probes {
        experiment["steady-state-hypothesis"] = json!({ "title": "h", "probes": probes });
    }
    experiment
}

fn too_slow(kind: &str, name: &str) -> Value {
    let mut slow = process(kind, name, &["sleep", "5"]);
    slow["provider"]["timeout"] = json!(0.2);
    slow
}

fn methods() -> Vec<Vec<Value>> {
    let done = process("action", "done", &["sh", "-c", "echo method >> played"]);
    let late = process("action", "late", &["sleep", "0.4"]);
    let late = with(late, &json!({ "background": true }));
    let paused = json!({ "pauses": { "before": 0.1, "after": 0.1 } });
    vec![
        vec![],
        vec![done.clone()],
        vec![process("action", "fails", &["false"])],
        vec![too_slow("action", "too slow"), done.clone()],
        vec![late.clone(), done.clone()],
        vec![with(done, &paused), late],
        vec![process("action", "break", &["rm", "flag"])],
        vec![json!({ "ref": "ok" })],
    ]
}

fn hypotheses() -> Vec<Option<Vec<Value>>> {
    let ok = probe("ok", &["true"], json!(0));
    let flag = probe("flag", &["test", "-e", "flag"], json!(0));
    let text = json!({ "type": "regex", "pattern": "well$", "target": "stdout" });
    let text = probe("text", &["printf", "all is well"], text);
    let list = probe("list", &["sh", "-c", "exit 3"], json!([1, 2, 3]));
    let bad = probe("bad", &["false"], json!(0));
    vec![
        None,
        Some(vec![]),
        Some(vec![ok.clone()]),
        Some(vec![ok.clone(), bad, ok.clone()]),
        Some(vec![with(
            too_slow("probe", "slow"),
            &json!({ "tolerance": 0 }),
        )]),
        Some(vec![text, list, ok.clone()]),
        Some(vec![ok, flag]),
    ]
}

fn refers(method: &[Value]) -> bool {
    method.iter().any(|activity| activity.get("ref").is_some())
}

#[test]
fn every_method_is_played_under_every_hypothesis_as_the_toolkit_plays_it() -> Result<()> {
    let mut cases = Vec::new();
    for method in methods() {
        for probes in hypotheses() {
            let names = probes.iter().flatten().map(|probe| &probe["name"]);
            if refers(&method) && !names.clone().any(|name| name == "ok") {
                continue;
            }
            let mut case = Case::of(experiment(probes.as_deref(), &method));
            case.files = vec![("flag", String::new())];
            cases.push(case);
        }
    }
    check(&cases)
}

#[test]
fn strategies_of_file_and_command_line_do_what_they_do_in_the_toolkit() -> Result<()> {
    let looks = ["default", "before-method-only", "after-method-only"];
    let rollbacks = ["default", "always", "never", "deviated"];
    let (methods, hypotheses) = (methods(), hypotheses());
    let mut cases = Vec::new();
    for (method, probes) in [(1, 3), (1, 4), (6, 6)] {
        for look in looks {
            for rollback in rollbacks {
                let probes = hypotheses[probes].as_deref();
                let mut case = Case::of(experiment(probes, &methods[method]));
                case.files = vec![("flag", String::new())];
                if look == "default" {
                    let runtime = json!({ "rollbacks": { "strategy": rollback } });
                    case.experiment["runtime"] = runtime;
                } else {
                    let flags = [
                        "--hypothesis-strategy",
                        look,
                        "--rollback-strategy",
                        rollback,
                    ];
                    case.flags = flags.map(str::to_owned).to_vec();
                }
                cases.push(case);
            }
        }
    }
    check(&cases)
}
