//! What all resources of Kubernetes have in common.

use super::readers;
use super::table::{Fate, Form, Piece, Row, Shape};
use crate::document::Node;
use crate::problem::{Place, Problem};
use crate::suggest;

/// What names a resource.
pub(super) const RESOURCE: &[Row] = &[
    Row::new("apiVersion", Fate::Tells),
    Row::new("kind", Fate::Tells),
    Row::new("metadata.name", Fate::Name).needed("the action is named after it"),
    Row::who("metadata.namespace", Shape::Text),
    Row::new("metadata.labels", Fate::Tags),
    Row::never(
        "metadata.annotations",
        "annotations instruct a controller, and there is none",
        "remove them if they do not change the experiment",
    ),
];

/// The form of a resource, by its kind.
pub(super) fn form(
    api: &str,
    forms: &'static [Form],
    node: &Node,
    place: &Place,
) -> Result<&'static Form, Problem> {
    let names: Vec<&str> = forms.iter().map(|form| form.name).collect();
    word("apiVersion", &[api], node, place)?;
    let kind = word("kind", &names, node, place)?;
    let found = forms.iter().find(|form| form.name == kind);
    found.ok_or_else(|| missing("kind", &names, node, place))
}

/// One fault, or several that act together, in one document.
pub(super) fn one(form: &'static Form) -> Vec<Piece> {
    vec![Piece {
        form,
        element: None,
    }]
}

/// The value of a key at the top, which must be one of these.
pub(super) fn word<'a>(
    key: &str,
    known: &[&str],
    node: &'a Node,
    place: &Place,
) -> Result<&'a str, Problem> {
    let Some(value) = node.get(key) else {
        return Err(missing(key, known, node, place));
    };
    let place = value.place(&place.key(key));
    match value.as_str() {
        Some(text) if known.contains(&text) => Ok(text),
        Some(text) => Err(Problem::new(place, format!("`{text}` is not known here"))
            .hint(suggest::hint(text, known))),
        None => Err(
            Problem::new(place, format!("expected a text, got {}", value.kind()))
                .hint(format!("one of {}", readers::listed(known))),
        ),
    }
}

fn missing(key: &str, known: &[&str], node: &Node, place: &Place) -> Problem {
    Problem::new(node.place(place), format!("`{key}` is missing"))
        .hint(format!("one of {}", readers::listed(known)))
}
