//! The `temblor` provider: `fault:` arms, `stop:` ends, `metric:` asks what a fault did, or
//! what targets feel. Its keys are strict.

use std::collections::BTreeMap;

use super::activity::Known;
use super::at::{At, Reading};
use crate::experiment::substitute::first_name;
use crate::experiment::{ActivityKind, Measure, Metric, Temblor};
use crate::fault::{self, Given, Kind};
use crate::suggest;
use crate::telemetry::Claim;

const DEEDS: [&str; 3] = ["fault", "stop", "metric"];

/// Reads the provider of an action or a probe.
pub(super) fn read(
    at: &At<'_>,
    kind: Option<ActivityKind>,
    known: &Known<'_>,
    out: &mut Reading,
) -> Option<Temblor> {
    let node = known.variables.apply(at.node);
    let at = At::new(&node, &at.place);
    let given: Vec<(&str, At<'_>)> = DEEDS
        .iter()
        .filter_map(|deed| Some((*deed, at.get(deed)?)))
        .collect();
    let [(deed, value)] = given.as_slice() else {
        let message = if given.is_empty() {
            "it is not said what to do"
        } else {
            "only one thing can be done at once"
        };
        out.error(&at, message, "one of fault, stop, metric");
        return None;
    };
    refuse_other_kind(kind, deed, value, out);
    match *deed {
        "fault" => arm(&at, value, out).map(|arm| at_its_place(arm, value)),
        "stop" => {
            at.refuse_unknown(&["type", "stop"], out);
            known_fault(value, &value.text(out)?, known, out).map(|name| Temblor::Stop { name })
        }
        _ => {
            at.refuse_unknown(&["type", "metric"], out);
            measurement(value, known, out)
        }
    }
}

/// Measuring is for probes, everything else for actions.
fn refuse_other_kind(kind: Option<ActivityKind>, deed: &str, value: &At<'_>, out: &mut Reading) {
    let wanted = if deed == "metric" {
        ActivityKind::Probe
    } else {
        ActivityKind::Action
    };
    if kind.is_some_and(|kind| kind != wanted) {
        out.error(
            value,
            format!("`{deed}` belongs to an activity of type `{wanted}`"),
            format!("write `type: {wanted}`"),
        );
    }
}

fn arm(at: &At<'_>, kind: &At<'_>, out: &mut Reading) -> Option<Temblor> {
    let wait = at
        .get("wait")
        .and_then(|at| at.bool(out))
        .unwrap_or_default();
    let kind: Option<Kind> = kind.word(out);
    let params = params(at, out);
    let (kind, params) = (kind?, params?);
    match fault::parse(kind, &params) {
        Ok(fault) => Some(Temblor::Arm {
            fault: Box::new(fault),
            wait,
        }),
        Err(problems) => {
            out.errors.extend(problems);
            None
        }
    }
}

/// The fault's own parameters; nothing if one could not be read, as it would be reported again as
/// missing.
fn params(at: &At<'_>, out: &mut Reading) -> Option<BTreeMap<String, Given>> {
    let mut params = BTreeMap::new();
    let mut complete = true;
    for (name, at) in at.entries(out) {
        if ["type", "fault", "wait"].contains(&name.as_str()) {
            continue;
        }
        match param(&at, out) {
            Some(given) => drop(params.insert(name, given)),
            None => complete = false,
        }
    }
    complete.then_some(params)
}

fn param(at: &At<'_>, out: &mut Reading) -> Option<Given> {
    let given = match Given::from_node(at.node, &at.place) {
        Ok(given) => given,
        Err(problem) => {
            out.errors.push(problem);
            return None;
        }
    };
    let Some(missing) = first_name(&given.text) else {
        return Some(given);
    };
    out.error(
        at,
        format!("nothing is named `{missing}`"),
        "define it under `configuration`",
    );
    None
}

/// What a fault did, as `FAULT.MEASURE`, or what targets feel.
fn measurement(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Temblor> {
    let text = at.text(out)?;
    if is_of_fault(&text, known) {
        return metric(at, &text, known, out).map(Temblor::Metric);
    }
    claim(at, &text, out).map(|claim| Temblor::Claim(Box::new(claim)))
}

/// A point stands in an expression only behind a digit, as in `p99.9`, or in a value.
fn is_of_fault(text: &str, known: &Known<'_>) -> bool {
    let names = |fault: &String| {
        let rest = text.strip_prefix(fault.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let one_word = !text.contains(char::is_whitespace) && text.contains('.');
    let ends_as_one = text
        .rsplit_once('.')
        .is_some_and(|(_name, measure)| measure.parse::<Measure>().is_ok());
    known.faults.iter().any(names) || one_word || ends_as_one
}

fn claim(at: &At<'_>, text: &str, out: &mut Reading) -> Option<Claim> {
    if let Some(missing) = first_name(text) {
        out.error(
            at,
            format!("nothing is named `{missing}`"),
            "define it under `configuration`",
        );
        return None;
    }
    let claim: Result<Claim, _> = text.parse();
    let told = claim.and_then(|claim| claim.expression.targets().map(|_targets| claim));
    match told {
        Ok(claim) => Some(claim),
        Err(invalid) => {
            out.invalid(at, invalid);
            None
        }
    }
}

fn metric(at: &At<'_>, text: &str, known: &Known<'_>, out: &mut Reading) -> Option<Metric> {
    let Some((name, measure)) = text.rsplit_once('.') else {
        out.error(
            at,
            format!("`{text}` does not say what to measure"),
            format!("for example {text}.injected"),
        );
        return None;
    };
    let fault = known_fault(at, name, known, out);
    match measure.parse::<Measure>() {
        Ok(measure) => Some(Metric {
            fault: fault?,
            measure,
        }),
        Err(invalid) => {
            out.invalid(at, invalid);
            None
        }
    }
}

fn known_fault(at: &At<'_>, name: &str, known: &Known<'_>, out: &mut Reading) -> Option<String> {
    if known.faults.iter().any(|fault| fault == name) {
        return Some(name.to_owned());
    }
    let names: Vec<&str> = known.faults.iter().map(String::as_str).collect();
    let hint = if names.is_empty() {
        "no action of this experiment arms a fault".to_owned()
    } else {
        suggest::hint(name, &names)
    };
    out.error(at, format!("no fault is named `{name}`"), hint);
    None
}

/// What is refused later because of the kind of fault is said of its line.
fn at_its_place(mut arm: Temblor, kind: &At<'_>) -> Temblor {
    if let Temblor::Arm { fault, .. } = &mut arm {
        fault.places.set_fault(kind.place.clone());
    }
    arm
}
