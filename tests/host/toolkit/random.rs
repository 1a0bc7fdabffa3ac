//! Experiments that nobody thought of.

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::both::{Case, check};
use super::order::{probe, process, with};

/// So many, from this seed: a failure names the whole experiment.
const CASES: usize = 60;
const SEED: u64 = 7;

fn one_of<T: Clone>(random: &mut StdRng, all: &[T]) -> Result<T> {
    let chosen = all.get(random.random_range(0..all.len()));
    chosen.cloned().context("there is something to choose from")
}

fn words(random: &mut StdRng, number: usize) -> Result<Vec<String>> {
    let script = format!("echo {number} >> played");
    let all = [
        vec!["true".to_owned()],
        vec!["false".to_owned()],
        vec!["sh".to_owned(), "-c".to_owned(), script],
        vec!["printf".to_owned(), "${text} and $text".to_owned()],
        vec!["printf".to_owned(), "${number}".to_owned()],
        vec!["sh".to_owned(), "-c".to_owned(), "rm -f flag".to_owned()],
        vec!["sh".to_owned(), "-c".to_owned(), "kill -TERM $$".to_owned()],
    ];
    one_of(random, &all)
}

fn activity(random: &mut StdRng, kind: &str, number: usize) -> Result<Value> {
    let words = words(random, number)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut activity = process(kind, &format!("{kind} {number}"), &words);
    if random.random_bool(0.1) {
        activity = process(kind, &format!("{kind} {number}"), &["sleep", "5"]);
        activity["provider"]["timeout"] = json!(0.2);
    }
    if random.random_bool(0.2) {
        activity = with(activity, &json!({ "pauses": { "after": 0.05 } }));
    }
    if random.random_bool(0.15) {
        activity = with(activity, &json!({ "background": true }));
    }
    Ok(activity)
}

fn hypothesis(random: &mut StdRng) -> Result<Value> {
    let tolerances = [
        json!(0),
        json!(1),
        json!([0, 1]),
        json!([0, 1, -15]),
        json!({ "type": "regex", "pattern": "and", "target": "stdout" }),
        json!({ "type": "range", "range": [1, 100], "target": "stdout" }),
        json!({ "type": "jsonpath", "path": "$.status" }),
        json!({ "type": "jsonpath", "path": "$.status", "expect": [0] }),
    ];
    let mut probes = Vec::new();
    for number in 0..random.random_range(0..3) {
        let asked = if random.random_bool(0.7) {
            probe(
                &format!("probe {number}"),
                &["test", "-e", "flag"],
                json!(0),
            )
        } else {
            let mut asked = activity(random, "probe", number)?;
            asked["background"] = json!(false);
            with(asked, &json!({ "tolerance": one_of(random, &tolerances)? }))
        };
        probes.push(asked);
    }
    Ok(json!({ "title": "h ${text}", "probes": probes }))
}

fn activities(random: &mut StdRng, most: usize) -> Result<Vec<Value>> {
    (0..random.random_range(0..=most))
        .map(|number| {
            let kind = one_of(random, &["action", "probe"])?;
            activity(random, kind, number)
        })
        .collect()
}

fn experiment(random: &mut StdRng) -> Result<Value> {
    let looks = ["default", "before-method-only", "after-method-only"];
    let rollbacks = ["default", "always", "never", "deviated"];
    Ok(json!({
        "title": "t ${text}",
        "description": "d",
        "tags": ["a"],
        "configuration": { "text": "x y", "number": 42 },
        "steady-state-hypothesis": hypothesis(random)?,
        "method": activities(random, 4)?,
        "rollbacks": activities(random, 2)?,
        "runtime": {
            "hypothesis": { "strategy": one_of(random, &looks)? },
            "rollbacks": { "strategy": one_of(random, &rollbacks)? },
        },
    }))
}

#[test]
fn experiments_at_random_go_as_they_go_in_the_toolkit() -> Result<()> {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut cases = Vec::new();
    for _ in 0..CASES {
        let mut case = Case::of(experiment(&mut random)?);
        case.files = vec![("flag", String::new())];
        cases.push(case);
    }
    check(&cases)
}
