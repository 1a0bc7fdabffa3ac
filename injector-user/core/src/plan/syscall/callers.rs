//! Whose system calls suffer.

use crate::plan::decision::{CgroupId, Select};
use crate::plan::resolve::Processes;

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
