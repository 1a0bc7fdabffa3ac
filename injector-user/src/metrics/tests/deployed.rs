use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use injector_core::telemetry::METRICS;
use serde_json::Value;

use super::super::reference::all;

const RULES: &str = include_str!("../../../../deploy/prometheus/temblor.rules.yml");
const RULES_TEST: &str = include_str!("../../../../deploy/prometheus/temblor.rules.test.yml");
const DASHBOARD: &str = include_str!("../../../../deploy/dashboards/temblor.json");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus")
}

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).unwrap()
}

/// Everything under this key, however deep.
fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| under(item, key, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == key {
                    found.push(field);
                }
                under(field, key, found);
            }
        }
        _ => {}
    }
}

/// Words of a text that are names of our metrics; those that rules record have a colon.
fn named(text: &str) -> BTreeSet<&str> {
    let is_part = |part: char| part.is_ascii_alphanumeric() || part == '_' || part == ':';
    text.split(|part| !is_part(part))
        .filter(|word| word.starts_with("temblor_") && !word.ends_with('_'))
        .collect()
}

/// A histogram is asked for by its parts.
fn exposed() -> BTreeSet<String> {
    let names = all()
        .into_iter()
        .map(injector_core::telemetry::Metric::full_name);
    let ends = ["", "_bucket", "_count", "_sum"];
    names
        .flat_map(|name| ends.map(|end| format!("{name}{end}")))
        .collect()
}

#[test]
fn rules_and_dashboard_ask_for_what_there_is() {
    let exposed = exposed();
    for text in [RULES, RULES_TEST, DASHBOARD] {
        let named = named(text);
        assert!(named.len() > 10, "{named:?}");
        let unknown: Vec<_> = named
            .iter()
            .filter(|name| !exposed.contains(**name))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn everything_that_is_observed_is_on_the_dashboard() {
    let shown = named(DASHBOARD);
    for metric in METRICS {
        let name = metric.full_name();
        let is_shown = shown.iter().any(|shown| shown.starts_with(&name));
        assert!(is_shown, "{name}");
    }
}

#[test]
fn promtool_accepts_the_rules_and_what_they_are_tried_with() {
    for words in [
        ["check", "rules", "temblor.rules.yml"],
        ["test", "rules", "temblor.rules.test.yml"],
    ] {
        let ran = Command::new("promtool")
            .args(words)
            .current_dir(folder())
            .output();
        if let Ok(output) = ran {
            assert!(output.status.success(), "{output:?}");
        }
    }
}

#[test]
fn every_rule_is_tried() {
    let after = |word: &'static str| {
        let lines = RULES.lines();
        lines.filter_map(move |line| Some(line.trim().strip_prefix(word)?.trim()))
    };
    let alerts: Vec<&str> = after("- alert:").collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        // As one that fires; those that do not stand in one line.
        assert!(
            RULES_TEST.contains(&format!("- alertname: {alert}\n")),
            "{alert}"
        );
    }
    for record in after("- record:") {
        assert!(
            RULES_TEST.contains(&format!("- expr: {record}\n")),
            "{record}"
        );
    }
}

#[test]
fn panels_have_places_and_numbers_of_their_own() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let of = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(of("x") + of("w") <= 24, "{panel}");
        for x in of("x")..of("x") + of("w") {
            for y in of("y")..of("y") + of("h") {
                assert!(taken.insert((x, y)), "{x} {y}: {panel}");
            }
        }
    }
}

#[test]
fn every_query_is_asked_of_the_source_that_was_chosen() {
    let dashboard = dashboard();
    let mut queries = Vec::new();
    under(&dashboard, "expr", &mut queries);
    let mut sources = Vec::new();
    under(&dashboard, "datasource", &mut sources);
    let uids: BTreeSet<&str> = sources
        .iter()
        .map(|source| source["uid"].as_str().unwrap())
        .collect();
    assert_eq!(uids, ["${datasource}"].into());
    assert!(sources.len() > queries.len());
}
