//! From the text of a manifest to one of our experiments.

use super::assemble::{Action, experiment};
use super::fields::{Field, Fields};
use super::format::Format;
use super::part;
use super::readers;
use super::table::{Fate, Outcome, Part, Piece};
use super::who::Who;
use crate::document::{self, Node};
use crate::experiment::{Overrides, Source, validate};
use crate::problem::{Place, Problem, Problems};
use crate::target::ModeName;

/// An experiment of ours, and what is to be known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// YAML that [`validate`] reads without an error.
    pub text: String,
    /// Which fields of the manifest are answered by `--target`.
    pub notes: Vec<Problem>,
}

/// Converts every document of a manifest into one experiment; `file` is only for messages.
///
/// What cannot be converted faithfully is refused, all of it at once.
pub fn convert(
    text: &str,
    file: Option<&str>,
    format: Format,
    who: &Who,
) -> Result<Converted, Problems> {
    let documents = document::read_all(text, file)?;
    let top = Place::file(file);
    let mut out = Reading::default();
    for (index, node) in documents.iter().enumerate() {
        let place = if documents.len() == 1 {
            top.clone()
        } else {
            top.index(index)
        };
        out.document(format, node, &place, who);
    }
    let names: Vec<String> = out
        .actions
        .iter()
        .map(|action| action.document.clone())
        .collect();
    if out.problems.is_empty() {
        who.unused(&names, &mut out.problems);
        refuse_order(format, &documents, &top, &mut out);
        refuse_same_names(&mut out);
    }
    out.problems.0 = unique(out.problems.0);
    let (actions, tags) = (out.actions, unique(out.tags));
    let notes = unique(out.notes);
    out.problems.or(())?;
    let text = experiment(format, &actions, &tags, format.dialect().in_turn);
    is_valid(&text, &top)?;
    Ok(Converted { text, notes })
}

/// What was found so far.
#[derive(Debug, Default)]
struct Reading {
    actions: Vec<Action>,
    tags: Vec<String>,
    notes: Vec<Problem>,
    problems: Problems,
}

impl Reading {
    fn document(&mut self, format: Format, node: &Node, place: &Place, who: &Who) {
        match (format.dialect().split)(node, place) {
            Ok(pieces) => {
                for piece in pieces {
                    self.piece(&piece, node, place, who);
                }
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn piece(&mut self, piece: &Piece, node: &Node, place: &Place, who: &Who) {
        let parts = match part::of_document(piece, node, place) {
            Ok(parts) => parts,
            Err(problems) => {
                self.problems.extend(problems);
                return self.problems.extend(unknown(piece, node, place));
            }
        };
        let mut problems = Problems::default();
        let fields = read_fields(piece, &parts, node, place, &mut problems);
        let name = fields.all.iter().find_map(name_of).unwrap_or_default();
        let target = who.of(&name);
        self.shared(&fields, target, &mut problems);
        if target.is_none() && !fields.all.iter().any(is_who) {
            let problem = Problem::new(node.place(place), "it does not say who suffers");
            problems.push(problem.hint(HINT_TARGET));
        }
        if parts.len() > 1 {
            problems.0.extend(fields.all.iter().find_map(draws));
        }
        let several = parts.len() > 1;
        for part in parts {
            let Outcome::Fault(kind) = part.becomes else {
                continue;
            };
            // Something is wrong already without a target; any will do to find out what else is.
            let of = (target.unwrap_or("pid:1"), &node.place(place));
            let fault = part::fault(part, kind, &fields, of, &mut problems);
            self.actions.extend(fault.map(|fault| Action {
                document: name.clone(),
                name: action_name(&name, several, piece, &fault.kind.to_string()),
                form: piece.form.name,
                fault,
                replaced: replaced(&fields),
                place: node.place(place),
            }));
        }
        self.problems.extend(problems);
    }

    /// What all parts of a document have in common.
    fn shared(&mut self, fields: &Fields<'_>, target: Option<&str>, problems: &mut Problems) {
        for field in &fields.all {
            let place = field.place.clone();
            match &field.row.fate {
                Fate::Tells | Fate::Becomes(..) | Fate::Only(_) => {}
                Fate::Name => {
                    let read = readers::not_empty(field.node);
                    problems
                        .0
                        .extend(read.err().map(|invalid| invalid.at(place)));
                }
                Fate::Tags => match readers::tags(field.node) {
                    Ok(tags) => self.tags.extend(tags),
                    Err(invalid) => problems.push(invalid.at(place)),
                },
                Fate::Who(shape) => match (readers::shape(field.node, *shape), target) {
                    (Err(invalid), _) => problems.push(invalid.at(place)),
                    (Ok(()), None) => problems.push(elsewhere(place)),
                    (Ok(()), Some(target)) => self.notes.push(
                        Problem::new(place, format!("`{target}` suffers in place of this"))
                            .hint("`temblor targets` says who that is on this host"),
                    ),
                },
                Fate::Never(never) => problems.push(
                    Problem::new(place, format!("this cannot be converted: {}", never.why))
                        .hint(never.instead),
                ),
            }
        }
    }
}

const HINT_TARGET: &str =
    "`--target container:NAME`, or another target, says who suffers on this host";

/// The fields of a document that has these parts.
fn read_fields<'a>(
    piece: &Piece,
    parts: &[&'static Part],
    node: &'a Node,
    place: &Place,
    problems: &mut Problems,
) -> Fields<'a> {
    let of_parts = parts.iter().flat_map(|part| part.rows);
    let rows: Vec<_> = piece.form.common().chain(of_parts).collect();
    let which = (piece.form, piece.element);
    let fields = Fields::read(node, place, which, rows.clone(), problems);
    fields.missing(&rows, problems);
    fields
}

/// The keys that no part of a form knows, where it cannot be told which part a document is of.
fn unknown(piece: &Piece, node: &Node, place: &Place) -> Problems {
    let mut problems = Problems::default();
    let of_parts = piece.form.parts.iter().flat_map(|part| part.rows);
    let rows: Vec<_> = piece.form.common().chain(of_parts).collect();
    if !rows.is_empty() {
        let which = (piece.form, piece.element);
        Fields::read(node, place, which, rows, &mut problems);
    }
    problems
}

fn elsewhere(place: Place) -> Problem {
    let message = "this chooses among what a cluster runs, which a host does not know";
    Problem::new(place, message).hint(HINT_TARGET)
}

fn name_of(field: &Field<'_>) -> Option<String> {
    let is_name = matches!(field.row.fate, Fate::Name);
    is_name.then(|| field.node.as_str().map(str::to_owned))?
}

fn is_who(field: &Field<'_>) -> bool {
    matches!(field.row.fate, Fate::Who(_))
}

fn replaced(fields: &Fields<'_>) -> Vec<&'static str> {
    let who = fields.all.iter().filter(|field| is_who(field));
    unique(who.map(|field| field.row.theirs).collect())
}

/// Several faults of one document would each draw for themselves.
fn draws(field: &Field<'_>) -> Option<Problem> {
    let Fate::Becomes("mode", reader) = &field.row.fate else {
        return None;
    };
    let mode = (reader.read)(field.node).ok().flatten()?;
    if mode == ModeName::All.name() {
        return None;
    }
    let message = "each of these faults would draw for itself, and hit others than the next";
    Some(Problem::new(field.place.clone(), message).hint("all, or a document for each fault"))
}

/// Unique among those of its document.
fn action_name(document: &str, several: bool, piece: &Piece, kind: &str) -> String {
    match piece.element {
        Some(element) => format!("{document} {} {}", element + 1, piece.form.name),
        None if several => format!("{document} {kind}"),
        None => document.to_owned(),
    }
}

/// Faults of one document that come in turn cannot run beside those of another.
fn refuse_order(format: Format, documents: &[Node], place: &Place, out: &mut Reading) {
    if format.dialect().in_turn && documents.len() > 1 && out.actions.len() > documents.len() {
        let message = "several documents run side by side, and the faults of one in turn";
        let problem = Problem::new(place.clone(), message);
        out.problems
            .push(problem.hint("convert each document by itself"));
    }
}

fn refuse_same_names(out: &mut Reading) {
    for (index, action) in out.actions.iter().enumerate() {
        let mut before = out.actions.iter().take(index);
        if before.any(|other| other.name == action.name) {
            let message = format!("`{}` is the name of a document before, too", action.name);
            let problem = Problem::new(action.place.clone(), message);
            out.problems
                .push(problem.hint("give each a name of its own"));
        }
    }
}

/// The experiment is read as it will be.
fn is_valid(text: &str, place: &Place) -> Result<(), Problems> {
    let source = Source {
        file: None,
        environment: &|_| None,
        overrides: Overrides::NONE,
    };
    let mut problems = Problems::default();
    for error in validate(text, &source).errors {
        let message = format!(
            "the experiment would be refused: {}: {}",
            error.place.path, error.message
        );
        problems.push(Problem::new(place.clone(), message).hint(error.hint.unwrap_or_default()));
    }
    problems.or(())
}

/// Each once, in the order of their first.
fn unique<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut out = Vec::new();
    for one in all {
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}
