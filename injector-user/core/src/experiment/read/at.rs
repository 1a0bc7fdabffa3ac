//! A value with its place, and the questions asked about it.

use std::time::Duration;

use crate::document::Node;
use crate::problem::{Invalid, Place, Problem};
use crate::suggest;
use crate::units;

/// Longest time a number of seconds may give: 30 days. No pause or timeout is meant to be longer.
const LONGEST_SECONDS: f64 = 2_592_000.0;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(in crate::experiment) struct Reading {
    pub(in crate::experiment) errors: Vec<Problem>,
    pub(in crate::experiment) warnings: Vec<Problem>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(in crate::experiment) struct At<'a> {
    pub(in crate::experiment) node: &'a Node,
    pub(in crate::experiment) place: Place,
}

impl Reading {
    /// Says what is wrong here.
    pub(in crate::experiment) fn error(
        &mut self,
        at: &At<'_>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.errors
            .push(Problem::new(at.place.clone(), message).hint(hint));
    }

    /// Says what will not have the effect it seems to have.
    pub(in crate::experiment) fn warn(
        &mut self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.warnings.push(Problem::new(place, message).hint(hint));
    }

    pub(in crate::experiment) fn invalid(&mut self, at: &At<'_>, invalid: Invalid) {
        self.errors.push(invalid.at(at.place.clone()));
    }
}

impl<'a> At<'a> {
    /// The value at a path of a document.
    pub(in crate::experiment) fn new(node: &'a Node, path: &Place) -> Self {
        Self {
            node,
            place: node.place(path),
        }
    }

    /// The value of a key, unless there is none or it is null.
    pub(in crate::experiment) fn get(&self, key: &str) -> Option<Self> {
        self.node
            .get(key)
            .filter(|node| !node.is_null())
            .map(|node| Self::new(node, &self.place.key(key)))
    }

    /// The value of a key that must be there.
    pub(in crate::experiment) fn required(&self, key: &str, out: &mut Reading) -> Option<Self> {
        let found = self.get(key);
        if found.is_none() {
            out.error(
                self,
                format!("`{key}` is missing"),
                format!("add `{key}:` here"),
            );
        }
        found
    }

    /// The elements of a list; something else is an error.
    pub(in crate::experiment) fn items(&self, out: &mut Reading) -> Vec<Self> {
        let Some(items) = self
            .node
            .as_list()
            .or_else(|| self.wrong("a list", "for example [a, b]", out))
        else {
            return Vec::new();
        };
        items
            .iter()
            .enumerate()
            .map(|(index, node)| Self::new(node, &self.place.index(index)))
            .collect()
    }

    /// The members of a mapping; something else is an error.
    pub(in crate::experiment) fn entries(&self, out: &mut Reading) -> Vec<(String, Self)> {
        let Some(entries) = self
            .node
            .as_map()
            .or_else(|| self.wrong("a mapping", "keys with values, each `key: value`", out))
        else {
            return Vec::new();
        };
        entries
            .iter()
            .map(|entry| {
                (
                    entry.key.clone(),
                    Self::new(&entry.value, &self.place.key(&entry.key)),
                )
            })
            .collect()
    }

    /// Text that is not empty.
    pub(in crate::experiment) fn text(&self, out: &mut Reading) -> Option<String> {
        match self.node.as_str().map(str::trim) {
            Some("") => {
                out.error(self, "this is empty", "write something");
                None
            }
            Some(_) => self.node.as_str().map(str::to_owned),
            None => self.wrong(
                "a text",
                "one line; in quotes if it looks like something else",
                out,
            ),
        }
    }

    pub(in crate::experiment) fn bool(&self, out: &mut Reading) -> Option<bool> {
        self.node
            .as_bool()
            .or_else(|| self.wrong("true or false", "without quotes", out))
    }

    pub(in crate::experiment) fn number(&self, out: &mut Reading) -> Option<f64> {
        self.node
            .as_f64()
            .filter(|number| number.is_finite())
            .or_else(|| {
                self.wrong(
                    "a number",
                    "for example 5 or 0.5, without quotes or a unit",
                    out,
                )
            })
    }

    /// A whole number from 0 to `most`.
    pub(in crate::experiment) fn count(&self, most: u32, out: &mut Reading) -> Option<u32> {
        let count = self
            .node
            .as_i64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number <= most);
        count.or_else(|| {
            self.wrong(
                &format!("a whole number from 0 to {most}"),
                "for example 3",
                out,
            )
        })
    }

    /// A number of seconds, as the toolkit has it; a negative one is none at all.
    pub(in crate::experiment) fn seconds(&self, out: &mut Reading) -> Option<Duration> {
        let seconds = self
            .node
            .as_f64()
            .filter(|seconds| *seconds <= LONGEST_SECONDS);
        let duration =
            seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
        duration.or_else(|| {
            self.wrong(
                "a number of seconds up to 30 days",
                "for example 5 or 0.5, without a unit",
                out,
            )
        })
    }

    /// A duration with its unit, as Temblor has it.
    pub(in crate::experiment) fn duration(&self, out: &mut Reading) -> Option<Duration> {
        let text = self
            .node
            .as_scalar()
            .or_else(|| self.wrong("a duration", "for example 20ms", out))?;
        match units::parse_duration(text) {
            Ok(duration) => Some(duration),
            Err(invalid) => {
                out.invalid(self, invalid);
                None
            }
        }
    }

    /// A word of a closed set.
    pub(in crate::experiment) fn word<T>(&self, out: &mut Reading) -> Option<T>
    where
        T: std::str::FromStr<Err = Invalid>,
    {
        match self.text(out)?.parse() {
            Ok(word) => Some(word),
            Err(invalid) => {
                out.invalid(self, invalid);
                None
            }
        }
    }

    /// Warns about keys nobody reads. Keys of other tools (`x-…`) are theirs.
    pub(in crate::experiment) fn warn_unknown(&self, known: &[&str], out: &mut Reading) {
        for (key, place) in self.unknown(known) {
            if !key.starts_with("x-") {
                out.warn(
                    place,
                    format!("the key `{key}` is not known and ignored"),
                    suggest::hint(&key, known),
                );
            }
        }
    }

    /// Refuses keys nobody reads.
    pub(in crate::experiment) fn refuse_unknown(&self, known: &[&str], out: &mut Reading) {
        for (key, place) in self.unknown(known) {
            out.errors.push(
                Problem::new(place, format!("the key `{key}` is not known here"))
                    .hint(suggest::hint(&key, known)),
            );
        }
    }

    fn unknown(&self, known: &[&str]) -> Vec<(String, Place)> {
        let entries = self.node.as_map().unwrap_or_default().iter();
        entries
            .filter(|entry| !known.contains(&entry.key.as_str()))
            .map(|entry| {
                (
                    entry.key.clone(),
                    self.place.key(&entry.key).at(entry.line, entry.column),
                )
            })
            .collect()
    }

    fn wrong<T>(&self, wanted: &str, hint: &str, out: &mut Reading) -> Option<T> {
        let message = format!("expected {wanted}, got {}", self.node.kind());
        out.error(self, message, hint);
        None
    }
}
