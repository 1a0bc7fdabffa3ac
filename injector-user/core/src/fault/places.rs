//! Where the parameters of a fault were written.

use std::collections::BTreeMap;

use super::given::Given;
use super::kind::Kind;
use crate::problem::{Place, Problem};

/// The name of what chooses the kind of fault, beside the parameters: a key in a document.
pub const FAULT: &str = "fault";

/// Where each parameter stands that was given, and where one would that was not.
///
/// A place is no part of what a fault does: all of these are equal.
#[derive(Clone, Debug)]
pub struct Places {
    kind: Kind,
    given: BTreeMap<String, Place>,
}

impl PartialEq for Places {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Places {}

impl Places {
    pub(super) fn new(kind: Kind, params: &BTreeMap<String, Given>) -> Self {
        let given = params
            .iter()
            .map(|(name, given)| (name.clone(), given.place.clone()));
        Self {
            kind,
            given: given.collect(),
        }
    }

    /// Says where the kind of fault stands.
    pub fn set_fault(&mut self, place: Place) {
        self.given.insert(FAULT.to_owned(), place);
    }

    /// The place of a parameter, or of [`FAULT`]; beside the others if it was not given.
    pub fn of(&self, name: &str) -> Place {
        if let Some(place) = self.given.get(name) {
            return place.clone();
        }
        let first = self.given.values().min();
        match first {
            Some(first) if !first.path.starts_with("--") => {
                let parent = first.path.rsplit_once('.').map_or("", |(parent, _)| parent);
                let parent = Place {
                    path: parent.to_owned(),
                    column: None,
                    ..first.clone()
                };
                parent.key(name)
            }
            _ if name == FAULT => Place {
                path: self.kind.name().to_owned(),
                ..Place::default()
            },
            _ => Place::flag(name),
        }
    }

    /// A problem that was found in the same fault given as flags, said of the place it has here.
    /// One without a place is of the fault as a whole.
    #[must_use]
    pub fn relocate(&self, problem: Problem) -> Problem {
        let path = &problem.place.path;
        let place = match path.strip_prefix("--") {
            Some(flag) => self.of(&flag.replace('-', "_")),
            None if path == self.kind.name() || problem.place == Place::default() => self.of(FAULT),
            None => problem.place,
        };
        Problem { place, ..problem }
    }
}
