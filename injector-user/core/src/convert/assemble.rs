//! From faults to the text of an experiment.

use super::format::Format;
use super::part::Fault;
use super::yaml::{list, mapping, scalar, text, write};
use crate::document::Node;
use crate::problem::Place;
use crate::words::listed;

/// A fault of a document, and where it comes from.
#[derive(Debug)]
pub(super) struct Action {
    /// The name of the document.
    pub(super) document: String,
    pub(super) name: String,
    /// What kind of document it is.
    pub(super) form: &'static str,
    pub(super) fault: Fault,
    /// The fields that a target stands for.
    pub(super) replaced: Vec<&'static str>,
    pub(super) place: Place,
}

/// One experiment with all faults, side by side unless `in_turn`.
pub(super) fn experiment(
    format: Format,
    actions: &[Action],
    tags: &[String],
    in_turn: bool,
) -> String {
    let documents: Vec<&str> = documents(actions);
    let beside = actions.len() > 1 && (!in_turn || documents.len() > 1);
    let method = actions.iter().map(|action| activity(action, beside));
    let mut entries = vec![
        ("version", text("1.0.0")),
        ("title", text(&listed(&documents))),
        ("description", text(&description(format, actions))),
    ];
    if !tags.is_empty() {
        entries.push(("tags", list(tags.iter().map(|tag| text(tag)))));
    }
    entries.push(("method", list(method)));
    entries.push(("rollbacks", list([])));
    write(&keyed(entries))
}

fn activity(action: &Action, beside: bool) -> Node {
    let mut entries = vec![("type", text("action")), ("name", text(&action.name))];
    if beside {
        entries.push(("background", scalar("true")));
    }
    let mut provider = vec![
        ("type".to_owned(), text("temblor")),
        ("fault".to_owned(), text(action.fault.kind.name())),
    ];
    let params = action.fault.params.iter();
    provider.extend(params.map(|(name, value)| (name.clone(), scalar(value))));
    provider.push(("wait".to_owned(), scalar("true")));
    entries.push(("provider", mapping(provider)));
    keyed(entries)
}

fn description(format: Format, actions: &[Action]) -> String {
    let mut forms: Vec<&str> = actions.iter().map(|action| action.form).collect();
    forms.dedup();
    let mut replaced: Vec<&str> = actions
        .iter()
        .flat_map(|one| one.replaced.clone())
        .collect();
    replaced.sort_unstable();
    replaced.dedup();
    let from = format!("Converted from {}: {}.", format.product(), listed(forms));
    if replaced.is_empty() {
        return from;
    }
    format!("{from} Its targets stand for {}.", listed(replaced))
}

/// Their names, each once.
fn documents(actions: &[Action]) -> Vec<&str> {
    let mut names: Vec<&str> = actions.iter().map(|one| one.document.as_str()).collect();
    names.dedup();
    names
}

fn keyed(entries: Vec<(&str, Node)>) -> Node {
    mapping(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value)),
    )
}
