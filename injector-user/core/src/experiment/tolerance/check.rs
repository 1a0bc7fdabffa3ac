//! What is tolerated, and whether an answer is.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use super::equality::{compare, equal};
use super::jsonpath::JsonPath;
use super::pattern::Pattern;
use crate::experiment::Activity;

/// What a probe's answer may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Tolerance {
    /// Equal to it; an integer is compared with the `status` of an answer that has one.
    Equals(Value),
    /// One of them, or between them when there are two and the answer has no `status`.
    OneOf(Vec<Value>),
    /// Text in which the pattern is found.
    Regex {
        /// The pattern.
        pattern: Pattern,
        /// The member of the answer to look at.
        target: Option<String>,
    },
    /// JSON in which the path selects what is expected.
    JsonPath {
        /// The path.
        path: JsonPath,
        /// The member of the answer to look at.
        target: Option<String>,
        /// What must be selected.
        expect: Expect,
    },
    /// A number between two others, both included.
    Range {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
        /// The member of the answer to look at.
        target: Option<String>,
    },
    /// Another probe, which gets the answer as its argument `value` and answers something truthy.
    Probe(Box<Activity>),
}

/// What a JSON path must select.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// Anything.
    Something,
    /// So many nodes.
    Count(u64),
    /// Exactly these nodes, in this order.
    Values(Vec<Value>),
}

/// What a tolerance says about an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// The answer is tolerated.
    Met,
    /// It is not.
    NotMet {
        /// Why, for the reader of the report.
        reason: String,
    },
    /// Only another probe can tell; see [`truthy`].
    Ask(Box<Activity>),
}

impl Tolerance {
    /// Compares an answer with the tolerance.
    pub fn check(&self, answer: &Value) -> Finding {
        let met = match self {
            Self::Equals(wanted) => equal(wanted, compared_with(wanted, answer)),
            Self::OneOf(wanted) => one_of(wanted, answer),
            Self::Regex { pattern, target } => member(answer, target.as_deref())
                .and_then(Value::as_str)
                .is_some_and(|text| pattern.found_in(text)),
            Self::JsonPath {
                path,
                target,
                expect,
            } => member(answer, target.as_deref())
                .is_some_and(|value| expect.is_met(&path.select(&parsed(value)))),
            Self::Range { low, high, target } => member(answer, target.as_deref())
                .and_then(number)
                .is_some_and(|n| *low <= n && n <= *high),
            Self::Probe(probe) => return Finding::Ask(probe.clone()),
        };
        if met {
            Finding::Met
        } else {
            Finding::NotMet {
                reason: self.mismatch(answer),
            }
        }
    }

    /// The number this tolerance looks at, when it looks at one: what a chart of the probe shows.
    pub fn measured(&self, answer: &Value) -> Option<f64> {
        match self {
            Self::Range { target, .. } => member(answer, target.as_deref()).and_then(number),
            _ => answer.as_f64(),
        }
    }

    /// The interval in which numbers are tolerated.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        match self {
            Self::Range { low, high, .. } => Some((*low, *high)),
            Self::OneOf(values) => match values.as_slice() {
                [low, high] => Some((low.as_f64()?, high.as_f64()?)),
                _ => None,
            },
            _ => None,
        }
    }

    fn mismatch(&self, answer: &Value) -> String {
        let target = match self {
            Self::Regex { target, .. }
            | Self::JsonPath { target, .. }
            | Self::Range { target, .. } => target.as_deref(),
            Self::Equals(wanted) => {
                return format!(
                    "expected {self}, got {}",
                    brief(compared_with(wanted, answer))
                );
            }
            Self::OneOf(_) => {
                return format!(
                    "expected {self}, got {}",
                    brief(status_of(answer).unwrap_or(answer))
                );
            }
            Self::Probe(_) => None,
        };
        format!(
            "expected {self}, got {}",
            brief(member(answer, target).unwrap_or(answer))
        )
    }
}

impl Expect {
    fn is_met(&self, selected: &[&Value]) -> bool {
        match self {
            Self::Something => !selected.is_empty(),
            Self::Count(count) => {
                u64::try_from(selected.len()).is_ok_and(|length| length == *count)
            }
            Self::Values(wanted) => {
                wanted.len() == selected.len()
                    && wanted.iter().zip(selected).all(|(a, b)| equal(a, b))
            }
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(value) => write!(f, "{value}"),
            Self::OneOf(values) if values.len() == 2 => write!(f, "{} to {}", values[0], values[1]),
            Self::OneOf(values) => write!(f, "one of {}", Value::Array(values.clone())),
            Self::Regex { pattern, .. } => write!(f, "text matching {pattern}"),
            Self::JsonPath { path, expect, .. } => match expect {
                Expect::Something => write!(f, "something at {path}"),
                Expect::Count(count) => write!(f, "{count} values at {path}"),
                Expect::Values(values) => write!(f, "{} at {path}", Value::Array(values.clone())),
            },
            Self::Range { low, high, .. } => write!(f, "{low} to {high}"),
            Self::Probe(probe) => write!(f, "the probe {} to agree", probe.name),
        }
    }
}

/// Whether Python takes a value as true, which is how the toolkit judges a tolerance probe's answer.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(a) => !a.is_empty(),
        Value::Object(o) => !o.is_empty(),
    }
}

fn status_of(answer: &Value) -> Option<&Value> {
    answer.as_object()?.get("status")
}

/// An integer is compared with the status of an answer that has one; nothing else is.
fn compared_with<'a>(wanted: &Value, answer: &'a Value) -> &'a Value {
    if wanted.is_i64() || wanted.is_u64() {
        status_of(answer).unwrap_or(answer)
    } else {
        answer
    }
}

fn one_of(wanted: &[Value], answer: &Value) -> bool {
    match (status_of(answer), wanted) {
        (Some(status), _) => wanted.iter().any(|value| equal(value, status)),
        (None, [low, high]) => {
            let at_least = matches!(compare(low, answer), Some(Ordering::Less | Ordering::Equal));
            at_least
                && matches!(
                    compare(answer, high),
                    Some(Ordering::Less | Ordering::Equal)
                )
        }
        (None, _) => wanted.iter().any(|value| equal(value, answer)),
    }
}

/// Python's `answer.get(target, answer)`; only a mapping can be asked for a target.
fn member<'a>(answer: &'a Value, target: Option<&str>) -> Option<&'a Value> {
    match target {
        Some(name) => Some(answer.as_object()?.get(name).unwrap_or(answer)),
        None => Some(answer),
    }
}

/// Text that holds JSON is read as JSON.
fn parsed(value: &Value) -> Value {
    value
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_else(|| value.clone())
}

/// Python's `Decimal(value)`: numbers, booleans and text that is a number.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::Number(n) => n.as_f64(),
        Value::String(text) => text
            .trim()
            .replace('_', "")
            .parse()
            .ok()
            .filter(|n: &f64| !n.is_nan()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The value as text, short enough for one line.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // What is met and what not is compared with the toolkit itself in `tests/chaostoolkit.rs`.

    #[test]
    fn what_is_not_met_says_what_was_expected() {
        let range = Tolerance::Range {
            low: 0.0,
            high: 5.0,
            target: Some("stdout".to_owned()),
        };
        let answer = json!({ "status": 0, "stdout": "7\n" });
        let reason = "expected 0 to 5, got \"7\\n\"".to_owned();
        assert_eq!(range.check(&answer), Finding::NotMet { reason });
        assert_eq!(range.measured(&answer), Some(7.0));
        assert_eq!(range.bounds(), Some((0.0, 5.0)));
        let status = Tolerance::Equals(json!(200)).check(&json!({ "status": 503, "body": "x" }));
        assert_eq!(
            status,
            Finding::NotMet {
                reason: "expected 200, got 503".to_owned()
            }
        );
    }

    #[test]
    fn a_pattern_that_never_ends_counts_as_not_found() {
        let pattern = Pattern::parse("^(a+)+(?=b)$").unwrap();
        assert!(!pattern.found_in(&"a".repeat(200)));
    }

    #[test]
    fn only_what_python_takes_as_true_is_true() {
        for value in [
            json!(null),
            json!(false),
            json!(0),
            json!(""),
            json!([]),
            json!({}),
        ] {
            assert!(!truthy(&value), "{value}");
        }
        assert!(truthy(&json!({ "status": 1 })));
    }
}
