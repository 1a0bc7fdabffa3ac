//! Where workers are put, and how much they may use up.

use std::collections::BTreeMap;

use super::decision::{Hook, Task};
use super::supplies::{FileSystem, Memory, Supplies};
use super::tests::{check_refused, hooks, inventory, planned, spec};
use super::{Plan, plan};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A host of 16 GiB, half of them available; a disk of 100 GiB, half full, that it needs itself, and one
/// that only the redis sees.
pub(super) fn supplies() -> Supplies {
    let disk = |seen_by, device, is_needed| FileSystem {
        seen_by,
        device,
        total: 100 * GIB,
        free: 55 * GIB,
        available: 50 * GIB,
        is_memory: false,
        is_needed,
        problem: None,
    };
    let limit = Memory {
        total: 512 * MIB,
        available: 128 * MIB,
    };
    let mut file_systems: Vec<FileSystem> = [None, Some(300), Some(400), Some(500)]
        .map(|seen_by| disk(seen_by, 1, true))
        .into();
    file_systems.push(disk(Some(200), 2, false));
    file_systems.push(FileSystem {
        problem: Some("No such file or directory".to_owned()),
        ..disk(Some(600), 3, false)
    });
    Supplies {
        processors: 4,
        memory: Some(Memory {
            total: 16 * GIB,
            available: 8 * GIB,
        }),
        limits: BTreeMap::from([("/redis".to_owned(), limit)]),
        file_systems,
    }
}

fn check(text: &str, expected: &[&str]) -> Plan {
    let plan = planned(text);
    assert_eq!(hooks(&plan), expected, "{text}");
    plan
}

fn task(text: &str) -> Task {
    match planned(text).hooks.swap_remove(0) {
        Hook::Workers { task, .. } => task,
        other => panic!("{other}"),
    }
}

#[test]
fn workers_go_where_the_target_is_alone() {
    let each = "4 workers at 100.00% of a processor";
    check(
        "cpu.stress cgroup:/redis",
        &[&format!("{each} in /redis in cgroup v2")],
    );
    check(
        "cpu.stress pid:200",
        &[&format!("{each} in /redis in cgroup v2")],
    );
    check(
        "cpu.stress pid:400",
        &[&format!("{each} in /app in the v1 freezer hierarchy")],
    );
    check(
        "cpu.stress cgroup:/limited all=true",
        &[&format!("{each} in /limited in the v1 memory hierarchy")],
    );
    check(
        "cpu.stress command:[\"x\"] workers=1 load=12.5%",
        &["1 worker at 12.50% of a processor in /new in cgroup v2"],
    );
}

#[test]
fn the_host_gets_a_cgroup_of_its_own() {
    let plan = check(
        "cpu.stress host load=50%",
        &["4 workers at 50.00% of a processor in a cgroup of its own"],
    );
    assert_eq!(plan.who, vec![]);
    assert!(
        plan.to_string().contains("who      everybody on this host"),
        "{plan}"
    );
}

#[test]
fn nobody_else_suffers_who_shares_a_cgroup() {
    check_refused(
        &inventory(),
        "cpu.stress pid:300",
        3,
        "no cgroup holds the target and nobody else, who would suffer too (cgroup v2: /shared also holds \
         process 301; the v1 freezer hierarchy: the target is in the root cgroup)\nhint: start the target with \
         `-- COMMAND`, move it into a cgroup of its own, or use `--target host`",
    );
    check_refused(
        &inventory(),
        "cpu.stress iface:eth0",
        2,
        "cpu.stress is a fault of processes, and iface:eth0 is not one\nhint: use pid:, cgroup:, container:, \
         unit:, comm:, exe:, user: or `-- COMMAND`",
    );
    check_refused(
        &inventory(),
        "process.freeze host",
        2,
        "the whole host cannot be the target of process.freeze: Temblor is a part of it\nhint: use pid:, \
         cgroup:, container:, unit:, comm:, exe:, user: or `-- COMMAND`",
    );
}

#[test]
fn a_share_of_memory_is_of_what_the_cgroup_or_the_host_has_left() {
    let bytes = |text| match task(text) {
        Task::Memory { bytes, .. } => bytes,
        other => panic!("{other}"),
    };
    assert_eq!(bytes("memory.stress cgroup:/redis percent=50%"), 64 * MIB);
    assert_eq!(bytes("memory.stress host percent=50%"), 4 * GIB);
    assert_eq!(bytes("memory.stress host size=1GiB"), GIB);
}

#[test]
fn a_target_may_be_driven_out_of_memory_and_the_host_may_not() {
    let plan = planned("memory.stress cgroup:/redis size=600MiB");
    assert_eq!(
        plan.warnings,
        [
            "that is more than /redis has left of its limit of 512MiB: somebody in it will be killed for \
          want of memory"
        ]
    );
    // Whoever has a limit is killed before the host runs out.
    planned("memory.stress cgroup:/redis size=100GiB");
    // A twentieth of 16 GiB stays.
    planned("memory.stress host size=7372MiB");
    check_refused(
        &inventory(),
        "memory.stress host size=7373MiB",
        3,
        "--size: 7373MiB are more than the 7372MiB of memory available to the host, beside a reserve of \
         819MiB for the host\nhint: at most 7372MiB",
    );
    check_refused(
        &inventory(),
        "memory.stress host percent=99%",
        3,
        "--percent: 8110MiB are more than the 7372MiB of memory available to the host, beside a reserve \
         of 819MiB for the host\nhint: at most 7372MiB",
    );
}

#[test]
fn a_disk_is_filled_as_far_as_those_may_who_are_not_root() {
    let bytes = |text| match task(text) {
        Task::Fill { bytes, .. } => bytes,
        other => panic!("{other}"),
    };
    assert_eq!(bytes("disk.fill cgroup:/redis size=1GiB"), GIB);
    assert_eq!(bytes("disk.fill cgroup:/redis left=1GiB"), 49 * GIB);
    // 45 of 95 are in use.
    assert_eq!(bytes("disk.fill cgroup:/redis percent=60%"), 12 * GIB);
    let plan = planned("disk.fill cgroup:/redis left=0b");
    assert_eq!(
        plan.warnings,
        ["all who use the file system of /var suffer, whoever they are"]
    );
    check_refused(
        &inventory(),
        "disk.fill cgroup:/redis size=51GiB",
        3,
        "--size: 51GiB are more than the 50GiB of room on the file system\nhint: at most 50GiB",
    );
    check_refused(
        &inventory(),
        "disk.fill cgroup:/redis percent=40%",
        2,
        "--percent: the file system of /var is as full as that already: 50GiB of 95GiB are left\nhint: `df` \
         shows it; take more",
    );
}

#[test]
fn a_disk_that_the_host_needs_keeps_a_reserve() {
    check_refused(
        &inventory(),
        "disk.fill host left=0b",
        3,
        "--left: 50GiB are more than the 49GiB of room on the file system, beside a reserve of 1GiB for \
         the host\nhint: at most 49GiB",
    );
    planned("disk.fill host left=1GiB");
    check_refused(
        &inventory(),
        "disk.stress host size=50GiB",
        3,
        "--size: 50GiB are more than the 49GiB of room on the file system, beside a reserve of 1GiB for \
         the host\nhint: at most 49GiB",
    );
    check_refused(
        &inventory(),
        "disk.stress cgroup:/left",
        2,
        "--path: /var: No such file or directory\nhint: a folder that exists, as the target sees it",
    );
}

#[test]
fn a_file_system_made_of_memory_is_memory() {
    let mut inventory = inventory();
    for found in &mut inventory.supplies.file_systems {
        found.is_memory = true;
    }
    check_refused(
        &inventory,
        "disk.fill cgroup:/redis size=8GiB",
        3,
        "--size: 8GiB are more than the 7372MiB of memory available to the host, of which that file \
         system is made, beside a reserve of 819MiB for the host\nhint: at most 7372MiB",
    );
    let kept = plan(&inventory, &spec("disk.fill cgroup:/redis size=7GiB"));
    assert!(kept.is_ok(), "{kept:?}");
}
