//! Tolerances, as the toolkit validates them.

use super::activity::{self, Known};
use super::at::{At, Reading};
use crate::document::Value;
use crate::experiment::Provider;
use crate::experiment::tolerance::{Expect, JsonPath, Pattern, Tolerance};
use crate::suggest;
use crate::telemetry::Claim;

const TYPES: [&str; 4] = ["regex", "jsonpath", "range", "probe"];

/// Reads a tolerance.
pub(super) fn read(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Tolerance> {
    match &at.node.value {
        Value::Bool(_) | Value::Integer(_) => Some(Tolerance::Equals(at.node.to_json())),
        Value::String(_) => Some(Tolerance::Equals(known.variables.apply(at.node).to_json())),
        Value::List(items) => Some(Tolerance::OneOf(
            items.iter().map(crate::document::Node::to_json).collect(),
        )),
        Value::Map(_) => typed(at, known, out),
        Value::Float(_) => {
            out.error(
                at,
                "a number with a fraction cannot be a tolerance",
                "use `type: range` with `range: [low, high]`",
            );
            None
        }
        Value::Null => {
            out.error(
                at,
                "a tolerance is missing",
                "a value, a list of values, or a mapping with a `type`",
            );
            None
        }
    }
}

/// Of a probe whose claim is true or false: true, unless the opposite is wanted.
pub(super) fn of_claim(probe: &At<'_>, claim: &Claim, out: &mut Reading) -> Option<Tolerance> {
    let Some(at) = probe.get("tolerance") else {
        return Some(Tolerance::Equals(true.into()));
    };
    if let Some(wanted) = at.node.as_bool() {
        return Some(Tolerance::Equals(wanted.into()));
    }
    let bound = claim
        .bound
        .map_or_else(String::new, |bound| bound.to_string());
    out.error(
        &at,
        format!("the metric is compared already: {bound}"),
        "leave the tolerance out, or the comparison behind the metric",
    );
    None
}

fn typed(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Tolerance> {
    let which = at.required("type", out)?;
    match which.text(out)?.as_str() {
        "regex" => regex(at, known, out),
        "jsonpath" => jsonpath(at, known, out),
        "range" => range(at, out),
        "probe" => probe(at, known, out),
        other => {
            out.error(
                &which,
                format!("`{other}` is not a type of tolerance"),
                suggest::hint(other, &TYPES),
            );
            None
        }
    }
}

fn target(at: &At<'_>, out: &mut Reading) -> Option<String> {
    at.get("target").and_then(|at| at.text(out))
}

fn regex(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Tolerance> {
    at.warn_unknown(&["type", "pattern", "target"], out);
    let pattern = at.required("pattern", out)?;
    let Some(text) = pattern.node.as_str() else {
        pattern.text(out)?;
        return None;
    };
    let text = known.variables.text(text);
    match Pattern::parse(&text) {
        Ok(pattern) => Some(Tolerance::Regex {
            pattern,
            target: target(at, out),
        }),
        Err(error) => {
            out.error(
                &pattern,
                format!("the pattern cannot be read: {error}"),
                "Python's syntax for regular expressions",
            );
            None
        }
    }
}

fn jsonpath(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Tolerance> {
    at.warn_unknown(&["type", "path", "target", "count", "expect"], out);
    let path = at.required("path", out)?;
    let text = known.variables.text(&path.text(out)?);
    let read = match JsonPath::parse(&text) {
        Ok(path) => path,
        Err(error) => {
            out.error(
                &path,
                format!("the path cannot be read: {error}"),
                "for example $.items[*].name",
            );
            return None;
        }
    };
    Some(Tolerance::JsonPath {
        path: read,
        target: target(at, out),
        expect: expect(at, known, out)?,
    })
}

/// `expect` wins over `count`, and a list is all of what must be found; null counts as a value.
fn expect(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Expect> {
    if let Some(node) = at.node.get("expect") {
        return Some(Expect::Values(
            match known.variables.apply(node).to_json() {
                serde_json::Value::Array(values) => values,
                value => vec![value],
            },
        ));
    }
    match at.get("count") {
        Some(at) => at
            .count(u32::MAX, out)
            .map(|count| Expect::Count(u64::from(count))),
        None => Some(Expect::Something),
    }
}

fn range(at: &At<'_>, out: &mut Reading) -> Option<Tolerance> {
    at.warn_unknown(&["type", "range", "target"], out);
    let range = at.required("range", out)?;
    if let [low, high] = range.items(out).as_slice() {
        let (low, high) = (low.number(out), high.number(out));
        return Some(Tolerance::Range {
            low: low?,
            high: high?,
            target: target(at, out),
        });
    }
    out.error(&range, "a range has two numbers", "for example [0, 200]");
    None
}

fn probe(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Tolerance> {
    let probe = activity::activity(at, known, out)?;
    if matches!(probe.provider, Provider::Temblor(_)) {
        out.error(
            at,
            "a measurement cannot judge another probe's answer",
            "use a process or http probe",
        );
        return None;
    }
    out.warn(
        at.place.clone(),
        "as in the toolkit, any answer of a process or of an http call tolerates",
        "only a call that cannot be made does not; use regex, jsonpath or range to look at the value",
    );
    Some(Tolerance::Probe(Box::new(probe)))
}
