//! Named strings on their way in, each with its place.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use super::errno::Errno;
use super::kind::Kind;
use super::places::Places;
use super::schema;
use crate::document::{Node, Value};
use crate::problem::{Invalid, Place, Problem, Problems};
use crate::units::{format_duration, parse_duration};

/// One parameter as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub text: String,
    pub place: Place,
}

impl Given {
    /// The value of `--name`, which may be written with or without dashes.
    pub fn flag(name: &str, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            place: Place::flag(name),
        }
    }

    /// The value of a key in a document: a scalar, or a list of scalars.
    ///
    /// `place` has the file and the path; line and column are taken from the node.
    pub fn from_node(node: &Node, place: &Place) -> Result<Self, Problem> {
        let place = node.place(place);
        let one = |node: &Node| node.as_scalar().map(str::to_owned);
        let text = match &node.value {
            Value::List(items) => {
                let items: Option<Vec<_>> = items.iter().map(one).collect();
                items.map(|items| items.join(","))
            }
            _ => one(node),
        };
        match text {
            Some(text) => Ok(Self { text, place }),
            None => Err(Problem::new(
                place,
                format!("{} cannot be the value of a parameter", node.kind()),
            )
            .hint("a text, a number or a list of them")),
        }
    }
}

/// Takes parameters by name and gathers what is wrong with them.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) kind: Kind,
    params: &'a BTreeMap<String, Given>,
    pub(super) problems: Problems,
}

impl<'a> Reader<'a> {
    pub(super) fn new(kind: Kind, params: &'a BTreeMap<String, Given>) -> Self {
        let mut problems = Problems::default();
        for (name, given) in params {
            problems.0.extend(schema::unknown(kind, name, &given.place));
        }
        Self {
            kind,
            params,
            problems,
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.params.contains_key(name)
    }

    /// `None` if it was not given, or could not be read and was reported.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let given = self.params.get(name)?;
        match read(given.text.trim()) {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.problems.push(invalid.at(given.place.clone()));
                None
            }
        }
    }

    /// `None` only if a problem was reported.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        if !self.has(name) {
            self.missing(name);
        }
        self.optional(name, read)
    }

    pub(super) fn or<T>(
        &mut self,
        name: &str,
        default: T,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> T {
        self.optional(name, read).unwrap_or(default)
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.or(name, false, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(
                Invalid::saying(format!("`{text}` is neither true nor false"))
                    .hint("true, or leave it away"),
            ),
        })
    }

    /// Reports that a given parameter does not go together with the others.
    pub(super) fn conflict(&mut self, name: &str, invalid: Invalid) {
        let place = self.place_of(name);
        self.problems.push(invalid.at(place));
    }

    fn place_of(&self, name: &str) -> Place {
        Places::new(self.kind, self.params).of(name)
    }

    pub(super) fn missing(&mut self, name: &str) {
        let place = self.place_of(name);
        let example = schema::param(self.kind, name).map_or("", |param| param.example);
        let hint = if place.path.starts_with("--") {
            format!("for example {} {example}", place.path)
        } else {
            format!("for example {name}: {example}")
        };
        let message = format!("{} needs `{name}`", self.kind);
        self.problems.push(Problem::new(place, message).hint(hint));
    }
}

/// A duration in `min..=max`.
pub(super) fn between(text: &str, min: Duration, max: Duration) -> Result<Duration, Invalid> {
    let value = parse_duration(text)?;
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    let (least, most) = (format_duration(min), format_duration(max));
    let invalid = Invalid::saying(format!("`{text}` is not between {least} and {most}"));
    Err(invalid.hint(if value < min {
        format!("at least {least}")
    } else {
        format!("at most {most}")
    }))
}

/// One of these errors.
pub(super) fn among(text: &str, errors: &[Errno]) -> Result<Errno, Invalid> {
    let errno = text.parse()?;
    if errors.contains(&errno) {
        return Ok(errno);
    }
    let names: Vec<_> = errors.iter().map(|errno| errno.name()).collect();
    Err(
        Invalid::saying(format!("`{errno}` is not what this fault gives"))
            .hint(format!("{}; syscall.error gives any", names.join(" or "))),
    )
}

/// A comma-separated list without empty elements; each value once, in the order given.
pub(super) fn list<T>(text: &str, max: usize) -> Result<Vec<T>, Invalid>
where
    T: FromStr<Err = Invalid> + PartialEq,
{
    let mut values = Vec::new();
    for part in text.split(',').map(str::trim) {
        if part.is_empty() {
            return Err(Invalid::saying(format!("`{text}` has an empty element"))
                .hint("separate the elements by one comma each"));
        }
        let value = part.parse()?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    if values.len() > max {
        return Err(
            Invalid::saying(format!("{} elements are too many", values.len()))
                .hint(format!("at most {max}")),
        );
    }
    Ok(values)
}
