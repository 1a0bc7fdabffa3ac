//! From the fields of a document to one of our faults.

use std::time::Duration;

use super::fields::{Field, Fields};
use super::readers;
use super::table::{Fate, Form, Outcome, Params, Part, Piece, Row, When};
use crate::document::Node;
use crate::fault::{Given, Kind, parse};
use crate::problem::{Place, Problem, Problems};
use crate::suggest;
use crate::units::parse_duration;

/// Longer faults have to be wanted.
const LONG: Duration = Duration::from_hours(1);

/// One of our faults with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// As an experiment writes them, the target first.
    pub(super) params: Vec<(String, String)>,
}

/// The parts that a document has; what cannot be converted, or is no part, is a problem.
pub(super) fn of_document(
    piece: &Piece,
    node: &Node,
    place: &Place,
) -> Result<Vec<&'static Part>, Problems> {
    let form = piece.form;
    let parts: Vec<_> = form.parts.iter().filter(|part| is_in(part, node)).collect();
    if parts.is_empty() {
        return Err(no_part(form, node, place).into());
    }
    let mut problems = Problems::default();
    for part in &parts {
        if let Outcome::Never(never) = part.becomes {
            let message = format!("{} cannot be converted: {}", title(form, part), never.why);
            let problem = Problem::new(place_of(piece, part, node, place), message);
            problems.push(problem.hint(never.instead));
        }
    }
    problems.or(parts)
}

/// `NetworkChaos` with `action: delay`.
pub(super) fn title(form: &Form, part: &Part) -> String {
    match part.when {
        When::Always => format!("`{}`", form.name),
        When::Is(field, value) => format!("`{}` with `{}: {value}`", form.name, last(field)),
        When::Has(field) => format!("`{}` with `{}`", form.name, last(field)),
        When::IsAndHas(field, value, has) => format!(
            "`{}` with `{}: {value}` and `{}`",
            form.name,
            last(field),
            last(has)
        ),
    }
}

/// The fault that the fields ask for; `None` only if a problem was reported.
pub(super) fn fault(
    part: &Part,
    kind: Kind,
    fields: &Fields<'_>,
    (target, place): (&str, &Place),
    problems: &mut Problems,
) -> Option<Fault> {
    let mut found = Problems::default();
    let is_own = |row: &Row| part.rows.iter().any(|own| own.theirs == row.theirs);
    let mut params = Params::new();
    for field in &fields.all {
        if field.is_common || is_own(field.row) {
            take(field, &mut params, &mut found);
        }
    }
    for (name, text) in part.given {
        let given = || at(place, text);
        params.entry((*name).to_owned()).or_insert_with(given);
    }
    params.insert("target".to_owned(), at(place, target));
    if found.is_empty()
        && let Err(problem) = (part.check)(&mut params)
    {
        found.push(problem);
    }
    let lasts = params
        .get("duration")
        .map(|given| parse_duration(&given.text));
    if let Some(Ok(duration)) = lasts
        && duration > LONG
    {
        params.insert("long".to_owned(), at(place, "true"));
    }
    if found.is_empty()
        && let Err(wrong) = parse(kind, &params)
    {
        found.extend(wrong);
    }
    let is_sound = found.is_empty();
    problems.extend(found);
    is_sound.then(|| Fault {
        kind,
        params: in_order(params),
    })
}

fn take(field: &Field<'_>, params: &mut Params, problems: &mut Problems) {
    let (Fate::Becomes(_, reader) | Fate::Only(reader)) = &field.row.fate else {
        return;
    };
    match ((reader.read)(field.node), &field.row.fate) {
        (Ok(Some(text)), Fate::Becomes(name, _)) => {
            let given = params
                .get(*name)
                .map(|given| format!("{},{text}", given.text));
            let text = given.unwrap_or(text);
            let place = field.place.clone();
            params.insert((*name).to_owned(), Given { text, place });
        }
        (Ok(_), _) => {}
        (Err(invalid), _) => problems.push(invalid.at(field.place.clone())),
    }
}

fn at(place: &Place, text: &str) -> Given {
    Given {
        text: text.to_owned(),
        place: place.clone(),
    }
}

fn in_order(mut params: Params) -> Vec<(String, String)> {
    let target = params.remove_entry("target");
    let duration = params.remove_entry("duration");
    let all = target.into_iter().chain(params).chain(duration);
    all.map(|(name, given)| (name, given.text)).collect()
}

fn is_in(part: &Part, node: &Node) -> bool {
    let is = |field, value| lookup(node, field).and_then(Node::as_str) == Some(value);
    match part.when {
        When::Always => true,
        When::Is(field, value) => is(field, value),
        When::Has(field) => lookup(node, field).is_some(),
        When::IsAndHas(field, value, has) => is(field, value) && lookup(node, has).is_some(),
    }
}

/// Where a part is asked for.
fn place_of(piece: &Piece, part: &Part, node: &Node, place: &Place) -> Place {
    if let (Some(list), Some(element)) = (piece.form.list, piece.element) {
        let items = lookup(node, list).and_then(Node::as_list);
        let item = items.and_then(|items| items.get(element));
        let place = place.key(list).index(element).key("name");
        let name = item.and_then(|item| item.get("name"));
        return name.map_or(place.clone(), |name| name.place(&place));
    }
    let field = match part.when {
        When::Always => "kind",
        When::Is(field, _) | When::IsAndHas(field, _, _) | When::Has(field) => field,
    };
    let place = place.key(field);
    lookup(node, field).map_or(place.clone(), |found| found.place(&place))
}

fn no_part(form: &Form, node: &Node, place: &Place) -> Problem {
    let Some(field) = form.tells() else {
        let wanted = form.parts.iter().filter_map(|part| match part.when {
            When::Has(field) => Some(field),
            _ => None,
        });
        let wanted: Vec<_> = wanted.collect();
        return Problem::new(node.place(place), "it does not say what is to be done")
            .hint(format!("one of {}", wanted.join(", ")));
    };
    let Some(value) = lookup(node, field) else {
        return Problem::new(node.place(place), format!("`{field}` is missing"))
            .hint(format!("one of {}", readers::listed(&values(form))));
    };
    let place = value.place(&place.key(field));
    let Some(text) = value.as_str() else {
        return Problem::new(place, format!("expected a text, got {}", value.kind()))
            .hint(format!("one of {}", readers::listed(&values(form))));
    };
    let needs = form.parts.iter().filter_map(|part| match part.when {
        When::IsAndHas(_, value, has) if value == text => Some(has),
        _ => None,
    });
    let needs: Vec<_> = needs.collect();
    if needs.is_empty() {
        let known = values(form);
        return Problem::new(place, format!("`{text}` is not known here"))
            .hint(suggest::hint(text, &known));
    }
    Problem::new(place, format!("`{text}` needs `{}`", needs.join("` or `"))).hint("add it")
}

/// What may say which part a document is of.
fn values(form: &Form) -> Vec<&'static str> {
    let values = form.parts.iter().filter_map(|part| match part.when {
        When::Is(_, value) | When::IsAndHas(_, value, _) => Some(value),
        When::Always | When::Has(_) => None,
    });
    let mut values: Vec<_> = values.collect();
    values.dedup();
    values
}

/// The value at a path of keys.
pub(super) fn lookup<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    path.split('.').try_fold(node, |node, key| node.get(key))
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
