//! What a disk does for a program, and by which calls.

use std::collections::BTreeSet;

use crate::fault::given::list;
use crate::fault::syscall::Syscalls;
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

/// The calls of these operations, or of the usual ones. Of what was asked for, one call each must be there.
pub(super) fn calls(asked: Option<&BTreeSet<Operation>>) -> Syscalls {
    let usual = BTreeSet::from(USUAL);
    let meant = asked.unwrap_or(&usual);
    let groups = CALLS.iter().filter(|(one, _)| meant.contains(one));
    let groups = groups.map(|(_, calls)| *calls);
    let first = groups.clone().filter_map(|calls| calls.first().copied());
    let named = first.filter(|_| asked.is_some());
    Syscalls::meant(named, groups)
}

pub(super) fn several(text: &str) -> Result<BTreeSet<Operation>, Invalid> {
    Ok(list(text, Operation::ALL.len())?.into_iter().collect())
}
