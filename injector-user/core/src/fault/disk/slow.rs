//! `disk.slow` by a latency: what is read, written or synced takes longer, and the disk itself is not touched.
//! By rates it is one of [`crate::fault::limit`].

use std::collections::{BTreeMap, BTreeSet};

use super::operation::{self, Operation};
use crate::fault::address;
use crate::fault::given::Reader;
use crate::fault::syscall::{Backend, Failing, Outcome, PathFilter, Sleep};
use crate::problem::Invalid;

/// Callers sleep before their calls are made or after, as it can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    pub path: PathFilter,
    /// At least one; none: reading, writing and syncing, as far as they can be made to take longer.
    pub operations: Option<BTreeSet<Operation>>,
    pub sleep: Sleep,
    /// The best there is if not given.
    pub backend: Option<Backend>,
}

impl Slow {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let path = reader.required("path", str::parse);
        let operations = reader.optional("operation", operation::several);
        refuse_pulses(reader);
        if !reader.has("latency") {
            let invalid = Invalid::saying("disk.slow needs a `latency` or a rate");
            let hint = "for example latency 20ms, or write_bps 1MiB";
            reader.conflict("latency", invalid.hint(hint));
            return None;
        }
        let sleep = Sleep::read(reader, None);
        let backend = reader.optional("backend", str::parse);
        Some(Self {
            path: path?,
            operations,
            sleep: sleep?,
            backend,
        })
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            path,
            operations,
            sleep,
            backend,
        } = self;
        let operations: Option<Vec<_>> = operations.as_ref().map(|all| all.iter().collect());
        sleep.write(None, params);
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
        let outcome = Outcome::Delays(Box::new(self.sleep.clone()));
        Failing {
            path: Some(self.path.clone()),
            backend: self.backend,
            stored: true,
            ..Failing::of(operation::calls(self.operations.as_ref()), outcome)
        }
    }
}

/// Who sleeps does so call by call.
fn refuse_pulses(reader: &mut Reader<'_>) {
    for name in ["active", "dormant", "count"] {
        if reader.has(name) {
            let invalid = Invalid::saying(format!("{name} means nothing without a rate"));
            let hint = "leave it away, or ask for a rate, such as write_bps 1MiB";
            reader.conflict(name, invalid.hint(hint));
        }
    }
}
