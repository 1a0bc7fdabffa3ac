//! `disk.error`: what is read or written is lost, and that is said.

use std::collections::{BTreeMap, BTreeSet};

use super::operation::{self, Operation};
use crate::fault::address;
use crate::fault::errno::Errno;
use crate::fault::given::Reader;
use crate::fault::syscall::{Backend, Failing, Outcome, PathFilter, errors};

/// Reading, writing or syncing fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub path: PathFilter,
    /// At least one; none: reading, writing and syncing, as far as they can be made to fail.
    pub operations: Option<BTreeSet<Operation>>,
    pub errors: Outcome,
    /// The best there is if not given.
    pub backend: Option<Backend>,
}

impl Failure {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let path = reader.required("path", str::parse);
        let operations = reader.optional("operation", operation::several);
        let errors = reader.optional("errno", errors).map(Outcome::Errors);
        let backend = reader.optional("backend", str::parse);
        Some(Self {
            path: path?,
            operations,
            errors: errors.unwrap_or_else(usual_error),
            backend,
        })
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            path,
            operations,
            errors,
            backend,
        } = self;
        let operations: Option<Vec<_>> = operations.as_ref().map(|all| all.iter().collect());
        if *errors != usual_error() {
            errors.write(params);
        }
        let rows = [
            ("path", Some(path.to_string())),
            ("operation", operations.and_then(|all| address::join(&all))),
            ("backend", backend.map(|backend| backend.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }

    pub(in crate::fault) fn failing(&self) -> Failing {
        Failing {
            path: Some(self.path.clone()),
            backend: self.backend,
            stored: true,
            ..Failing::of(
                operation::calls(self.operations.as_ref()),
                self.errors.clone(),
            )
        }
    }
}

fn usual_error() -> Outcome {
    Outcome::from(Errno::EIO)
}
