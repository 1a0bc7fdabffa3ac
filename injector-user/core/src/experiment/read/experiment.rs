//! The whole experiment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::activity::{self, Known};
use super::at::{At, Reading};
use super::{breaker, observe};
use crate::document;
use crate::experiment::substitute::Variables;
use crate::experiment::variables::{self, Environment};
use crate::experiment::{Activity, BreakerSpec, Experiment, Hypothesis, Overrides, Runtime};
use crate::problem::{Place, Problem};

const KEYS: [&str; 14] = [
    "version",
    "title",
    "description",
    "tags",
    "configuration",
    "secrets",
    "controls",
    "contributions",
    "steady-state-hypothesis",
    "method",
    "rollbacks",
    "runtime",
    "extensions",
    "x-temblor",
];

/// Where the text comes from and what the environment holds.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// For messages.
    pub file: Option<&'a str>,
    /// What `type: env` reads.
    pub environment: Environment<'a>,
    /// What wins over the file.
    pub overrides: &'a Overrides,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// What came of reading an experiment.
#[derive(Debug)]
pub struct Validated {
    /// The experiment, if there was no error.
    pub experiment: Option<Experiment>,
    /// Why it cannot be run.
    pub errors: Vec<Problem>,
    /// What will not do what it seems to do.
    pub warnings: Vec<Problem>,
}

/// Bytes of all texts once names are replaced: sixteen times what a file may have.
const MAX_TEXT: usize = 1 << 24;

/// Reads an experiment and says everything that is wrong with it.
pub fn validate(text: &str, source: &Source<'_>) -> Validated {
    let mut out = Reading::default();
    let experiment = match document::read(text, source.file) {
        Ok(node) => experiment(&At::new(&node, &Place::file(source.file)), source, &mut out),
        Err(problem) => {
            out.errors.push(problem);
            None
        }
    };
    let experiment = experiment.filter(|_| out.errors.is_empty());
    Validated {
        experiment,
        errors: out.errors,
        warnings: out.warnings,
    }
}

fn experiment(at: &At<'_>, source: &Source<'_>, out: &mut Reading) -> Option<Experiment> {
    if !is_mapping(at, out) {
        return None;
    }
    at.warn_unknown(&KEYS, out);
    refuse_dry(at, out);
    let (variables, secrets) = variables::read(at, (source.environment, source.overrides), out);
    if is_too_long(at, &variables, out) {
        return None;
    }
    let known = Known::new(at, &variables);
    let hypothesis = at
        .get("steady-state-hypothesis")
        .and_then(|at| hypothesis(&at, &known, out));
    let method = method(at, &known, out);
    let rollbacks = rollbacks(at, &known, out);
    let extension = at.get("x-temblor");
    if let Some(at) = &extension {
        at.refuse_unknown(&["breakers", "observe"], out);
    }
    let breakers = breakers(at, &known, &method, out);
    let observe = extension.and_then(|at| at.get("observe"));
    let observe = observe.map(|at| observe::read(&at, &known, out));
    let title = at.required("title", out).and_then(|at| at.text(out));
    let description = at.required("description", out).and_then(|at| at.text(out));
    let title = variables.text(&title?);
    Some(Experiment {
        source: Arc::new(written(at, &title)),
        title,
        description: description?,
        version: version(at),
        tags: tags(at, out),
        contributions: contributions(at, out),
        controls: controls(at, out),
        hypothesis,
        method,
        rollbacks,
        runtime: at
            .get("runtime")
            .map(|at| runtime(&at, out))
            .unwrap_or_default(),
        breakers,
        observe,
        secrets,
    })
}

/// Whether it is a mapping at all; if not, that is told.
fn is_mapping(at: &At<'_>, out: &mut Reading) -> bool {
    let is_mapping = at.node.as_map().is_some();
    if !is_mapping {
        out.error(
            at,
            format!("an experiment is a mapping, not {}", at.node.kind()),
            "begin with `title:`",
        );
    }
    is_mapping
}

/// Whether names that stand for long texts are used too often; then it is told.
fn is_too_long(at: &At<'_>, variables: &Variables, out: &mut Reading) -> bool {
    let too_long = variables.length(at.node) > MAX_TEXT;
    if too_long {
        out.error(
            at,
            "with every name replaced it is longer than 16 MiB",
            "names that stand for long texts are used too often",
        );
    }
    too_long
}

/// As it was written, but for its title.
fn written(at: &At<'_>, title: &str) -> serde_json::Value {
    let mut whole = at.node.to_json();
    if let Some(written) = whole.get_mut("title") {
        *written = title.into();
    }
    whole
}

fn version(at: &At<'_>) -> Option<String> {
    at.get("version")
        .and_then(|at| at.node.as_scalar().map(str::to_owned))
}

fn method(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Vec<Activity> {
    let method = at
        .required("method", out)
        .map(|at| activity::all(&at, known, out))
        .unwrap_or_default();
    activity::refuse_same_names(&method, out);
    method
}

fn breakers(
    at: &At<'_>,
    known: &Known<'_>,
    method: &[Activity],
    out: &mut Reading,
) -> Vec<BreakerSpec> {
    let breakers = at
        .get("x-temblor")
        .map(|at| breaker::all(&at, known, out))
        .unwrap_or_default();
    breaker::warn_without_use(&breakers, method, out);
    breakers
}

fn rollbacks(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Vec<Activity> {
    let rollbacks = at
        .get("rollbacks")
        .map(|at| activity::all(&at, known, out))
        .unwrap_or_default();
    for armed in rollbacks.iter().filter(|activity| activity::arms(activity)) {
        let problem = Problem::new(armed.place.clone(), "a rollback cannot arm a fault");
        out.errors
            .push(problem.hint("rollbacks put things right; move it to the method"));
    }
    rollbacks
}

/// Running for real what was meant to be dry would be the worst reading of all.
pub(super) fn refuse_dry(at: &At<'_>, out: &mut Reading) {
    if let Some(dry) = at.get("dry") {
        out.error(
            &dry,
            "`dry` is not in this release",
            "look at what would be done with `temblor plan`, and remove it",
        );
    }
}

fn hypothesis(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Hypothesis> {
    at.warn_unknown(&["title", "description", "probes", "controls"], out);
    warn_controls(at, out);
    let title = at.required("title", out).and_then(|at| at.text(out));
    let items = at.get("probes").map(|at| at.items(out)).unwrap_or_default();
    let probes: Vec<_> = items
        .iter()
        .filter_map(|at| activity::probe(at, known, out))
        .collect();
    // Without probes there is nothing to check, as in the toolkit.
    Some(Hypothesis {
        title: title?,
        probes,
    })
    .filter(|hypothesis| !hypothesis.probes.is_empty())
}

fn runtime(at: &At<'_>, out: &mut Reading) -> Runtime {
    at.warn_unknown(&["hypothesis", "rollbacks"], out);
    let mut runtime = Runtime::default();
    if let Some(at) = at.get("hypothesis") {
        at.warn_unknown(
            &["strategy", "frequency", "fail_fast", "fail_fast_ratio"],
            out,
        );
        runtime.hypothesis = at
            .get("strategy")
            .and_then(|at| at.word(out))
            .unwrap_or(runtime.hypothesis);
        runtime.frequency = at
            .get("frequency")
            .and_then(|at| at.seconds(out))
            .unwrap_or(runtime.frequency);
        runtime.fail_fast = at
            .get("fail_fast")
            .and_then(|at| at.bool(out))
            .unwrap_or_default();
        runtime.fail_fast_ratio = at
            .get("fail_fast_ratio")
            .and_then(|at| at.number(out))
            .unwrap_or_default();
    }
    if let Some(at) = at.get("rollbacks") {
        at.warn_unknown(&["strategy"], out);
        runtime.rollbacks = at
            .get("strategy")
            .and_then(|at| at.word(out))
            .unwrap_or(runtime.rollbacks);
    }
    runtime
}

fn tags(at: &At<'_>, out: &mut Reading) -> Vec<String> {
    let items = at.get("tags").map(|at| at.items(out)).unwrap_or_default();
    items.iter().filter_map(|at| at.text(out)).collect()
}

fn contributions(at: &At<'_>, out: &mut Reading) -> BTreeMap<String, String> {
    let entries = at
        .get("contributions")
        .map(|at| at.entries(out))
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|(name, at)| Some((name.clone(), at.node.as_scalar()?.to_owned())))
        .collect()
}

fn controls(at: &At<'_>, out: &mut Reading) -> Vec<serde_json::Value> {
    warn_controls(at, out);
    let items = at
        .get("controls")
        .map(|at| at.items(out))
        .unwrap_or_default();
    items.iter().map(|at| at.node.to_json()).collect()
}

/// Says that controls are not acted on, wherever they may stand.
pub(super) fn warn_controls(at: &At<'_>, out: &mut Reading) {
    let Some(controls) = at.get("controls") else {
        return;
    };
    if controls
        .node
        .as_list()
        .is_some_and(|items| !items.is_empty())
    {
        out.warn(
            controls.place,
            "controls are kept but not acted on in this release",
            "they have no effect on the run",
        );
    }
}

/// The names of the faults the method arms, for `stop`, metrics and breakers.
pub(super) fn fault_names(activities: &[Activity]) -> Vec<&str> {
    activities
        .iter()
        .filter(|activity| activity::arms(activity))
        .map(|activity| activity.name.as_str())
        .collect()
}
