//! Whose system calls suffer.

use std::collections::BTreeSet;

use crate::plan::decision::{CgroupId, Mechanism, Select};
use crate::plan::resolve::Processes;

/// Whose calls no way covers, and whether they are counted: only where several calls pass does a program
/// see them.
pub(super) fn foreign(mechanisms: &BTreeSet<Mechanism>) -> &'static str {
    let counts = |mechanism: &Mechanism| {
        matches!(
            mechanism,
            Mechanism::SecurityReturn
                | Mechanism::SecurityLsm
                | Mechanism::SleepInLsm
                | Mechanism::SleepAtHook
                | Mechanism::CgroupSock
        )
    };
    let mut all = mechanisms.iter();
    if all.clone().all(counts) {
        "calls of 32-bit programs and by io_uring pass untouched, and are counted as foreign"
    } else if all.any(counts) {
        "calls of 32-bit programs and by io_uring pass untouched, and some are not even counted"
    } else {
        "calls of 32-bit programs and by io_uring pass untouched, and are not counted"
    }
}

/// By the cgroup where that is one, so that whoever enters it is covered; else by process.
pub(super) fn select(processes: &Processes<'_>, warnings: &mut Vec<String>) -> Select {
    if let Some(cgroup) = processes.v2_cgroup() {
        return Select {
            cgroup: Some(CgroupId {
                id: cgroup.id,
                path: cgroup.path.clone(),
            }),
            ..Select::default()
        };
    }
    warnings.push("children are covered, a restart under a new pid is not".to_owned());
    Select {
        thread_groups: processes.pids().into_iter().collect(),
        ..Select::default()
    }
}
