//! Who suffers here, in place of what a manifest says of pods and nodes.

use std::collections::BTreeMap;

use crate::problem::{Invalid, Place, Problem, Problems};
use crate::target::Selector;

/// Targets of this host, by the names of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    every: Option<String>,
    named: BTreeMap<String, String>,
}

impl Who {
    /// Reads `SELECTOR` for every document and `NAME=SELECTOR` for the one of that name.
    pub fn read(targets: &[String]) -> Result<Self, Problems> {
        let mut who = Self::default();
        let mut problems = Problems::default();
        for text in targets {
            if let Err(invalid) = who.add(text) {
                problems.push(invalid.at(Place::flag("target")));
            }
        }
        problems.or(who)
    }

    fn add(&mut self, text: &str) -> Result<(), Invalid> {
        // A selector may have a `=` too, but only behind its colon.
        let named = text.split_once('=').filter(|(name, _)| !name.contains(':'));
        let selector: Selector = named.map_or(text, |(_, selector)| selector).parse()?;
        let before = match named {
            Some((name, _)) => self.named.insert(name.to_owned(), selector.to_string()),
            None => self.every.replace(selector.to_string()),
        };
        match before {
            None => Ok(()),
            Some(_) => Err(Invalid::saying(format!("`{text}` is a second target"))
                .hint("one for all documents, and one for each NAME=")),
        }
    }

    /// The target of the document with this name.
    pub(super) fn of(&self, name: &str) -> Option<&str> {
        let target = self.named.get(name).or(self.every.as_ref());
        target.map(String::as_str)
    }

    /// Says which names no document has.
    pub(super) fn unused(&self, names: &[String], problems: &mut Problems) {
        for name in self.named.keys().filter(|name| !names.contains(*name)) {
            let problem = Problem::new(
                Place::flag("target"),
                format!("no document is named `{name}`"),
            );
            problems.push(problem.hint(format!("there is {}", names.join(", "))));
        }
    }
}
