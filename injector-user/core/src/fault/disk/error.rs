//! `disk.error`: what is read or written is lost, and that is said.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::address;
use crate::fault::errno::Errno;
use crate::fault::given::{Reader, list};
use crate::fault::syscall::{Backend, Failing, Outcome, PathFilter, Syscalls, errors};
use crate::problem::Invalid;
use crate::words::words;

/// What a disk does for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Open,
    Read,
    Write,
    Sync,
}

words!(Operation, "what a disk does", {
    Open => "open",
    Read => "read",
    Write => "write",
    Sync => "sync",
});

/// Of which each is a way to do it; the first is the one that must be possible where it was asked for.
const CALLS: [(Operation, &[&str]); 4] = [
    (Operation::Open, &["openat", "open", "openat2", "creat"]),
    (
        Operation::Read,
        &[
            "read",
            "pread64",
            "readv",
            "preadv",
            "preadv2",
            "getdents",
            "getdents64",
        ],
    ),
    (
        Operation::Write,
        &[
            "write",
            "pwrite64",
            "writev",
            "pwritev",
            "pwritev2",
            "fallocate",
            "copy_file_range",
        ],
    ),
    (
        Operation::Sync,
        &["fsync", "fdatasync", "sync_file_range", "syncfs"],
    ),
];

/// If nothing else is asked for.
const USUAL: [Operation; 3] = [Operation::Read, Operation::Write, Operation::Sync];

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
        let operations = reader.optional("operation", operations);
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
        let asked = self.operations.as_ref();
        let usual = BTreeSet::from(USUAL);
        let meant = asked.unwrap_or(&usual);
        let groups = CALLS.iter().filter(|(one, _)| meant.contains(one));
        let groups = groups.map(|(_, calls)| *calls);
        let first = groups.clone().filter_map(|calls| calls.first().copied());
        let named = first.filter(|_| asked.is_some());
        Failing {
            path: Some(self.path.clone()),
            backend: self.backend,
            stored: true,
            ..Failing::of(Syscalls::meant(named, groups), self.errors.clone())
        }
    }
}

fn usual_error() -> Outcome {
    Outcome::from(Errno::EIO)
}

fn operations(text: &str) -> Result<BTreeSet<Operation>, Invalid> {
    Ok(list(text, Operation::ALL.len())?.into_iter().collect())
}
