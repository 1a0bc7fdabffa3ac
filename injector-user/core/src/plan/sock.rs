//! Which cgroups the socket calls of a target are made in.

use std::collections::BTreeSet;

use super::decision::{Attach, Hook, Mechanism, Select};
use super::inventory::{Hierarchy, Inventory};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Processes, Target};
use crate::fault::prefixes;
use crate::fault::sock::{Failure, Operation};

pub(super) fn error(
    inventory: &Inventory,
    target: &Target<'_>,
    failure: &Failure,
) -> Result<Part, Refusal> {
    let Failure {
        operations,
        errno: _,
        peers,
        ports,
    } = failure;
    let Target::Processes(processes) = target else {
        return Err(Refusal::input(
            "target",
            "socket calls are made by processes, not by interfaces",
        )
        .hint(OF_PROCESSES));
    };
    let (paths, thread_groups) = cgroups(processes)?;
    let mut warnings = Vec::new();
    if !thread_groups.is_empty() {
        warnings.push("children are covered, a restart under a new pid is not".to_owned());
    }
    Ok(Part {
        mechanism: Mechanism::CgroupSock,
        also: Vec::new(),
        hooks: hooks(inventory, &paths, operations),
        select: Select {
            thread_groups,
            peers: prefixes(peers),
            ports: ports.clone(),
            ..Select::default()
        },
        warnings,
    })
}

fn hooks(
    inventory: &Inventory,
    paths: &BTreeSet<String>,
    operations: &BTreeSet<Operation>,
) -> Vec<Hook> {
    let calls = operations.iter().map(|operation| match operation {
        Operation::Connect => Attach::Connect,
        Operation::Bind => Attach::Bind,
        Operation::Sendmsg => Attach::Sendmsg,
        Operation::Socket => Attach::Socket,
    });
    let calls: Vec<_> = calls.collect();
    let all = paths
        .iter()
        .flat_map(|path| calls.iter().map(|attach| hook(inventory, path, *attach)));
    all.collect()
}

/// Where a call is met that processes of a cgroup make.
pub(super) fn hook(inventory: &Inventory, path: &str, attach: Attach) -> Hook {
    Hook::Cgroup {
        path: path.to_owned(),
        id: v2_id(inventory, path),
        attach,
    }
}

/// The id of a cgroup; 0 if it could not be read, which stands for any of that path.
pub(super) fn v2_id(inventory: &Inventory, path: &str) -> u64 {
    let mut all = inventory.cgroups.iter();
    let found = all.find(|cgroup| cgroup.hierarchy == Hierarchy::V2 && cgroup.path == path);
    found.map_or(0, |cgroup| cgroup.id)
}

/// The v2 cgroups to attach to, and the processes to choose in them if they hold others too.
pub(super) fn cgroups(processes: &Processes<'_>) -> Result<(BTreeSet<String>, Vec<i32>), Refusal> {
    let selected = processes.v2_cgroups();
    if !selected.is_empty() {
        let paths = selected.iter().map(|cgroup| cgroup.path.clone());
        return Ok((paths.collect(), Vec::new()));
    }
    let mut paths = BTreeSet::new();
    for process in &processes.all {
        let Some(path) = &process.cgroup_v2 else {
            return Err(Refusal::refused(
                "target",
                format!(
                    "process {} ({}) is in no v2 cgroup",
                    process.pid, process.comm
                ),
            )
            .hint("mount the v2 hierarchy: mount -t cgroup2 none /sys/fs/cgroup/unified"));
        };
        paths.insert(path.clone());
    }
    if paths.is_empty() {
        return Err(
            Refusal::refused("target", "the command was given no v2 cgroup")
                .hint("mount the v2 hierarchy: mount -t cgroup2 none /sys/fs/cgroup/unified"),
        );
    }
    Ok((paths, processes.pids().into_iter().collect()))
}
