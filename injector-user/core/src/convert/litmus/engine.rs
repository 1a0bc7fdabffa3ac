//! `ChaosEngine`: what its experiments have in common.

use super::experiments::FORMS;
use crate::convert::kubernetes::word;
use crate::convert::part::lookup;
use crate::convert::readers::{ANY_NUMBER, ANY_TEXT, ANY_TRUTH, EMPTY, SECONDS, expected, one_of};
use crate::convert::table::{Fate, Form, Params, Piece, Reader, Row, Shape};
use crate::document::Node;
use crate::fault::Given;
use crate::problem::{Place, Problem};
use crate::suggest;

/// The experiments of an engine, in their order.
pub(super) fn split(node: &Node, place: &Place) -> Result<Vec<Piece>, Problem> {
    word("apiVersion", &["litmuschaos.io/v1alpha1"], node, place)?;
    word("kind", &["ChaosEngine"], node, place)?;
    let list = lookup(node, LIST)
        .and_then(Node::as_list)
        .unwrap_or_default();
    if list.is_empty() {
        let problem = Problem::new(node.place(place), format!("`{LIST}` has no experiment"));
        return Err(problem.hint("a list with at least one `name`"));
    }
    let at = place.key("spec").key("experiments");
    let pieces = list.iter().enumerate().map(|(element, item)| {
        let place = at.index(element).key("name");
        let name = item.get("name").ok_or_else(|| {
            Problem::new(item.place(&place), "`name` is missing").hint("the name of an experiment")
        })?;
        form(name, &name.place(&place)).map(|form| Piece {
            form,
            element: Some(element),
        })
    });
    pieces.collect()
}

fn form(name: &Node, place: &Place) -> Result<&'static Form, Problem> {
    let Some(text) = name.as_str() else {
        return Err(expected("a text", name).at(place.clone()));
    };
    FORMS.iter().find(|form| form.name == text).ok_or_else(|| {
        let known: Vec<&str> = FORMS.iter().map(|form| form.name).collect();
        Problem::new(
            place.clone(),
            format!("the experiment `{text}` is not known here"),
        )
        .hint(suggest::hint(text, &known))
    })
}

pub(super) const LIST: &str = "spec.experiments";

const ITS_WORK: &str = "it says how LitmusChaos does its work";

pub(super) const ENGINE: &[Row] = &[
    Row::only("spec.engineState", ACTIVE),
    Row::only("spec.annotationCheck", FALSE),
    Row::who("spec.appinfo.appns", Shape::Text),
    Row::who("spec.appinfo.applabel", Shape::Text),
    Row::who("spec.appinfo.appkind", Shape::Text),
    Row::only("spec.auxiliaryAppInfo", EMPTY),
    Row::only("spec.chaosServiceAccount", ANY_TEXT).note(ITS_WORK),
    Row::only("spec.jobCleanUpPolicy", ANY_TEXT).note(ITS_WORK),
    Row::only("spec.monitoring", ANY_TRUTH).note(ITS_WORK),
    Row::only("spec.terminationGracePeriodSeconds", ANY_NUMBER).note(ITS_WORK),
    Row::never(
        "spec.defaultHealthCheck",
        "the state of pods is not known here",
        "a hypothesis in the experiment that is written",
    ),
    Row::never("spec.components", "nothing runs in pods here", "remove it"),
    Row::new("spec.experiments[].name", Fate::Tells),
    Row::never(
        "spec.experiments[].spec.rank",
        "experiments come in the order of the list",
        "put them into that order, and remove it",
    ),
    Row::never(
        "spec.experiments[].spec.probe",
        "its probes have modes and criteria that ours have not",
        "a hypothesis in the experiment that is written",
    ),
    Row::never(
        "spec.experiments[].spec.components.statusCheckTimeouts",
        "the state of pods is not known here",
        "remove it",
    ),
    Row::who(
        "spec.experiments[].spec.components.nodeSelector",
        Shape::TextOfKey,
    ),
];

macro_rules! env {
    ($name:literal) => {
        concat!("spec.experiments[].spec.components.env[", $name, "]")
    };
}
pub(super) use env;

/// What every experiment can be told.
pub(super) const COMMON: &[Row] = &[
    Row::of(env!("TOTAL_CHAOS_DURATION"), "duration", SECONDS)
        .needed("how long it lasts is else said by the `ChaosExperiment`, which is not here"),
    Row::only(env!("RAMP_TIME"), EMPTY),
    Row::only(env!("SEQUENCE"), PARALLEL),
    Row::only(env!("LIB"), ANY_TEXT).note(ITS_WORK),
    Row::only(env!("LIB_IMAGE"), ANY_TEXT).note(ITS_WORK),
    Row::only(env!("CONTAINER_RUNTIME"), ANY_TEXT).note(ITS_WORK),
    Row::only(env!("SOCKET_PATH"), ANY_TEXT).note(ITS_WORK),
    Row::only(env!("DEFAULT_HEALTH_CHECK"), FALSE),
];

/// Which pods of those that match.
pub(super) const PODS: &[Row] = &[
    Row::of(env!("PODS_AFFECTED_PERC"), "mode_value", SHARE)
        .note("`mode` is `fixed-percent`; without it, for 0 and for an empty text `one`"),
    Row::only(env!("TARGET_PODS"), EMPTY).note("`--target` says who"),
    Row::who(env!("TARGET_CONTAINER"), Shape::Text),
    Row::only(env!("NODE_LABEL"), EMPTY).note("`--target` says who"),
];

/// Which nodes of those that match.
pub(super) const NODES: &[Row] = &[
    Row::who(env!("TARGET_NODES"), Shape::Text),
    Row::who(env!("TARGET_NODE"), Shape::Text),
    Row::who(env!("NODE_LABEL"), Shape::Text),
    Row::who(env!("NODES_AFFECTED_PERC"), Shape::Text),
];

/// A share of the pods, or one of them.
#[expect(clippy::unnecessary_wraps, reason = "checks of other parts can fail")]
pub(super) fn mode(params: &mut Params) -> Result<(), Problem> {
    let (mode, place) = match params.get("mode_value") {
        Some(given) => ("fixed-percent", given.place.clone()),
        None => ("one", Place::default()),
    };
    let text = mode.to_owned();
    params.insert("mode".to_owned(), Given { text, place });
    Ok(())
}

const ACTIVE: Reader = Reader {
    reads: "active",
    read: |node| one_of(node, &["active"]).map(|_| None),
};
const PARALLEL: Reader = Reader {
    reads: "parallel",
    read: |node| one_of(node, &["parallel"]).map(|_| None),
};
const FALSE: Reader = Reader {
    reads: "`\"false\"`",
    read: |node| one_of(node, &["false"]).map(|_| None),
};
const SHARE: Reader = Reader {
    reads: "percent, as `\"50\"`",
    read: |node| match node.as_str() {
        Some("" | "0") => Ok(None),
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Some(format!("{text}%")))
        }
        _ => Err(expected("a percentage in a text, without a sign", node)),
    },
};
