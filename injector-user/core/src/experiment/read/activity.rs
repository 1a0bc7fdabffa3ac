//! Activities: actions and probes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::at::{At, Reading};
use super::experiment::{fault_names, refuse_dry, warn_controls};
use super::{provider, tolerance};
use crate::document::Node;
use crate::experiment::substitute::Variables;
use crate::experiment::{Activity, ActivityKind, Pauses, Probe, Provider, Temblor};
use crate::problem::{Place, Problem};
use crate::suggest;
use crate::telemetry::Claim;

const KEYS: [&str; 12] = [
    "type",
    "name",
    "provider",
    "pauses",
    "background",
    "tolerance",
    "controls",
    "ref",
    "secrets",
    "configuration",
    "timeout",
    "description",
];

/// What activities may refer to.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) variables: &'a Variables,
    /// The names of the actions that arm a fault.
    pub(super) faults: Vec<String>,
    /// Activities by name, as they were written, for `ref` and for breakers.
    pub(super) activities: BTreeMap<String, (&'a Node, Place)>,
}

impl<'a> Known<'a> {
    pub(super) fn new(experiment: &At<'a>, variables: &'a Variables) -> Self {
        let hypothesis = experiment
            .get("steady-state-hypothesis")
            .and_then(|at| at.get("probes"));
        let lists = [
            hypothesis,
            experiment.get("method"),
            experiment.get("rollbacks"),
        ];
        let mut known = Self {
            variables,
            faults: Vec::new(),
            activities: BTreeMap::new(),
        };
        // What is not a list is reported by who reads it.
        let mut unheard = Reading::default();
        for at in lists
            .into_iter()
            .flatten()
            .flat_map(|at| at.items(&mut unheard))
        {
            let Some(name) = at.node.get("name").and_then(Node::as_str) else {
                continue;
            };
            if at
                .node
                .get("provider")
                .is_some_and(|provider| provider.get("fault").is_some())
            {
                known.faults.push(name.to_owned());
            }
            known
                .activities
                .entry(name.to_owned())
                .or_insert((at.node, at.place.clone()));
        }
        known
    }
}

/// Whether it arms a fault.
pub(super) fn arms(activity: &Activity) -> bool {
    matches!(activity.provider, Provider::Temblor(Temblor::Arm { .. }))
}

/// The activities of a method or of rollbacks.
pub(super) fn all(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Vec<Activity> {
    at.items(out)
        .iter()
        .filter_map(|at| activity(at, known, out))
        .collect()
}

/// A probe with the tolerance it must have.
pub(super) fn probe(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Probe> {
    let (node, place) = referred(at, known, out)?;
    let at = At::new(node, &place);
    let activity = activity(&at, known, out);
    let tolerance = match activity.as_ref().and_then(compared) {
        Some(claim) => tolerance::of_claim(&at, claim, out),
        None => at
            .required("tolerance", out)
            .and_then(|at| tolerance::read(&at, known, out)),
    };
    let activity = activity?;
    if arms(&activity) {
        out.error(
            &at,
            "a fault cannot be a probe",
            "ask for a measurement with `metric:`",
        );
    }
    Some(Probe {
        activity,
        tolerance: tolerance?,
    })
}

/// What targets are claimed to feel, if the claim says between what.
pub(super) fn compared(activity: &Activity) -> Option<&Claim> {
    match &activity.provider {
        Provider::Temblor(Temblor::Claim(claim)) => claim.bound.is_some().then_some(claim),
        _ => None,
    }
}

/// Names must tell faults apart.
pub(super) fn refuse_same_names(method: &[Activity], out: &mut Reading) {
    let names = fault_names(method);
    for (index, activity) in method.iter().filter(|activity| arms(activity)).enumerate() {
        if names.iter().take(index).any(|name| *name == activity.name) {
            let problem = Problem::new(
                activity.place.key("name"),
                format!("two faults are named `{}`", activity.name),
            );
            out.errors
                .push(problem.hint("`stop` and the report tell them apart by name"));
        }
    }
}

/// An activity as it stands here, or the one that `ref` names.
fn referred<'a>(at: &At<'a>, known: &Known<'a>, out: &mut Reading) -> Option<(&'a Node, Place)> {
    let Some(reference) = at.get("ref") else {
        return Some((at.node, at.place.clone()));
    };
    let name = reference.text(out)?;
    let found = known.activities.get(&name).cloned();
    if found.is_none() {
        let names: Vec<&str> = known.activities.keys().map(String::as_str).collect();
        out.error(
            &reference,
            format!("no activity is named `{name}`"),
            suggest::hint(&name, &names),
        );
    }
    found
}

pub(super) fn activity(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Activity> {
    if at.node.as_map().is_none() {
        out.error(
            at,
            format!("an activity is a mapping, not {}", at.node.kind()),
            "begin with `type: action` or `type: probe`",
        );
        return None;
    }
    let (node, place) = referred(at, known, out)?;
    let at = &At::new(node, &place);
    at.warn_unknown(&KEYS, out);
    refuse_dry(at, out);
    warn_controls(at, out);
    warn_timeout(at, out);
    let kind = at
        .required("type", out)
        .and_then(|at| at.word::<ActivityKind>(out));
    let name = at.required("name", out).and_then(|at| at.text(out));
    let provider = at
        .required("provider", out)
        .and_then(|at| provider::read(&at, kind, known, out));
    let pauses = at
        .get("pauses")
        .map(|at| pauses(&at, known, out))
        .unwrap_or_default();
    let background = at
        .get("background")
        .and_then(|at| at.bool(out))
        .unwrap_or_default();
    Some(Activity {
        kind: kind?,
        name: name?,
        provider: provider?,
        pauses,
        background,
        place: at.place.clone(),
        source: Arc::new(at.node.to_json()),
    })
}

fn warn_timeout(at: &At<'_>, out: &mut Reading) {
    if let Some(timeout) = at.get("timeout") {
        out.warn(
            timeout.place,
            "a timeout of the activity has no effect",
            "write it into the provider",
        );
    }
}

fn pauses(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Pauses {
    at.warn_unknown(&["before", "after"], out);
    let node = known.variables.apply(at.node);
    let at = At::new(&node, &at.place);
    let mut pause = |key| {
        at.get(key)
            .and_then(|at| at.seconds(out))
            .unwrap_or_default()
    };
    Pauses {
        before: pause("before"),
        after: pause("after"),
    }
}
