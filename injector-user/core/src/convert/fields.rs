//! The fields of a document, each with the row that says what becomes of it.

use std::collections::BTreeMap;

use super::table::{Form, Row};
use crate::document::{Entry, Node};
use crate::problem::{Place, Problem, Problems};
use crate::suggest;

/// One field that a row is about.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) row: &'static Row,
    pub(super) node: &'a Node,
    pub(super) place: Place,
    /// Whether it concerns every part of the document.
    pub(super) is_common: bool,
}

/// What was found in a document.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) all: Vec<Field<'a>>,
    /// Where mappings stand, by their path as rows have it; several if they are elements of a list.
    parents: BTreeMap<String, Vec<Place>>,
}

impl<'a> Fields<'a> {
    /// Every field of a document that one of `rows` is about; what is about none is a problem.
    ///
    /// Of the form's list only the given element is looked at.
    pub(super) fn read(
        node: &'a Node,
        place: &Place,
        (form, element): (&'static Form, Option<usize>),
        rows: Vec<&'static Row>,
        problems: &mut Problems,
    ) -> Self {
        let mut walk = Walk {
            form,
            element,
            rows,
            found: Self::default(),
            problems,
        };
        walk.value("", node, &node.place(place));
        walk.found
    }

    /// Says which needed fields are not there, at the mapping where each belongs.
    pub(super) fn missing(&self, rows: &[&'static Row], problems: &mut Problems) {
        for row in rows {
            let Some(why) = row.needed else { continue };
            for (place, rest) in self.lacking(row) {
                problems.push(Problem::new(place, format!("`{rest}` is missing")).hint(why));
            }
        }
    }

    /// The mappings that do not have this field, and what its path is from there.
    fn lacking(&self, row: &'static Row) -> Vec<(Place, &'static str)> {
        let found = self
            .all
            .iter()
            .filter(|field| field.row.theirs == row.theirs);
        let found: Vec<&str> = found.map(|field| field.place.path.as_str()).collect();
        let mut above = parent(row.theirs);
        if above.ends_with("[]") {
            let key = row.theirs.strip_prefix(above).unwrap_or(row.theirs);
            let elements = self.parents.get(above).into_iter().flatten();
            let without =
                elements.filter(|at| !found.contains(&format!("{}{key}", at.path).as_str()));
            return without
                .map(|at| (at.clone(), key.trim_start_matches('.')))
                .collect();
        }
        if !found.is_empty() {
            return Vec::new();
        }
        while !above.is_empty() && !self.parents.contains_key(above) {
            above = parent(above);
        }
        let rest = row.theirs.strip_prefix(above).unwrap_or(row.theirs);
        let place = self.parents.get(above).and_then(|places| places.first());
        let place = place.cloned().unwrap_or_default();
        vec![(place, rest.trim_start_matches('.'))]
    }
}

struct Walk<'a, 'p> {
    form: &'static Form,
    element: Option<usize>,
    rows: Vec<&'static Row>,
    found: Fields<'a>,
    problems: &'p mut Problems,
}

impl<'a> Walk<'a, '_> {
    fn value(&mut self, path: &str, node: &'a Node, place: &Place) {
        if let Some(row) = self.rows.iter().find(|row| row.theirs == path) {
            let is_common = self.form.common().any(|common| common.theirs == path);
            let place = place.clone();
            self.found.all.push(Field {
                row,
                node,
                place,
                is_common,
            });
        } else if self.begins(&format!("{path}[]")) {
            self.elements(path, node, place);
        } else if self.begins(&format!("{path}[")) {
            self.named(path, node, place);
        } else {
            self.mapping(path, node, place);
        }
    }

    fn mapping(&mut self, path: &str, node: &'a Node, place: &Place) {
        let Some(entries) = node.as_map() else {
            return self.wrong("a mapping", node, place);
        };
        let places = self.found.parents.entry(path.to_owned()).or_default();
        places.push(place.clone());
        for entry in entries {
            let child = join(path, &entry.key);
            let below = place.key(&entry.key);
            if self.knows(&child) {
                self.value(&child, &entry.value, &entry.value.place(&below));
            } else {
                self.unknown(path, entry, &below);
            }
        }
    }

    fn elements(&mut self, path: &str, node: &'a Node, place: &Place) {
        let Some(items) = node.as_list() else {
            return self.wrong("a list", node, place);
        };
        let chosen = self.element.filter(|_| self.form.list == Some(path));
        for (index, item) in items.iter().enumerate() {
            if chosen.is_none_or(|chosen| chosen == index) {
                let below = item.place(&place.index(index));
                self.value(&format!("{path}[]"), item, &below);
            }
        }
    }

    /// A list of mappings with `name` and `value`, as environments are written.
    fn named(&mut self, path: &str, node: &'a Node, place: &Place) {
        let Some(items) = node.as_list() else {
            return self.wrong("a list", node, place);
        };
        for (index, item) in items.iter().enumerate() {
            let below = item.place(&place.index(index));
            let Some(entries) = item.as_map() else {
                self.wrong("a mapping with `name` and `value`", item, &below);
                continue;
            };
            for entry in entries {
                if !["name", "value"].contains(&entry.key.as_str()) {
                    self.unknown_of(&["name", "value"], entry, &below.key(&entry.key));
                }
            }
            self.variable(path, item, &below);
        }
    }

    fn variable(&mut self, path: &str, item: &'a Node, place: &Place) {
        let Some(name) = item.get("name").and_then(Node::as_str) else {
            let problem = Problem::new(place.key("name"), "`name` is not a text");
            return self.problems.push(problem.hint("the name of a variable"));
        };
        let child = format!("{path}[{name}]");
        if !self.knows(&child) {
            let known = self.names_after(&format!("{path}["));
            let known: Vec<&str> = known
                .iter()
                .map(|name| name.trim_end_matches(']'))
                .collect();
            let message = format!("the variable `{name}` is not known here");
            let problem = Problem::new(place.key("name"), message);
            return self
                .problems
                .push(problem.hint(suggest::hint(name, &known)));
        }
        let Some(value) = item.get("value") else {
            let problem = Problem::new(place.clone(), format!("`{name}` has no `value`"));
            return self.problems.push(problem.hint("add `value:` here"));
        };
        let mut below = value.place(place);
        below.path = format!("{}.{name}", place.path);
        self.value(&child, value, &below);
    }

    fn wrong(&mut self, wanted: &str, node: &Node, place: &Place) {
        let message = format!("expected {wanted}, got {}", node.kind());
        let hint = "as the format has it";
        self.problems
            .push(Problem::new(place.clone(), message).hint(hint));
    }

    fn unknown(&mut self, path: &str, entry: &Entry, place: &Place) {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}.")
        };
        let child = join(path, &entry.key);
        let mut others = self.form.parts.iter().flat_map(|part| part.rows);
        if others.any(|row| row.theirs == child || row.theirs.starts_with(&format!("{child}."))) {
            let message = format!("the key `{}` is of another action", entry.key);
            let problem = Problem::new(place.at(entry.line, entry.column), message);
            return self
                .problems
                .push(problem.hint("remove it, or change the action"));
        }
        let known = self.names_after(&prefix);
        self.unknown_of(&known, entry, place);
    }

    fn unknown_of(&mut self, known: &[&str], entry: &Entry, place: &Place) {
        let message = format!("the key `{}` is not known here", entry.key);
        let place = place.at(entry.line, entry.column);
        let hint = suggest::hint(&entry.key, known);
        self.problems.push(Problem::new(place, message).hint(hint));
    }

    /// Whether a row is about this path, or about something below it.
    fn knows(&self, path: &str) -> bool {
        let below = |row: &&&Row| {
            let rest = row.theirs.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.rows.iter().any(|row| below(&row))
    }

    fn begins(&self, prefix: &str) -> bool {
        self.rows.iter().any(|row| row.theirs.starts_with(prefix))
    }

    /// What may stand next after a path.
    fn names_after(&self, prefix: &str) -> Vec<&'static str> {
        let rests = self.rows.iter().filter_map(|row| {
            let rest = row.theirs.strip_prefix(prefix)?;
            rest.split(['.', '[']).next()
        });
        let mut names: Vec<&str> = rests.collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The mapping or list that holds the field at this path.
fn parent(path: &str) -> &str {
    let end = if path.ends_with(']') {
        path.rfind('[')
    } else {
        path.rfind('.')
    };
    end.and_then(|end| path.get(..end)).unwrap_or_default()
}
