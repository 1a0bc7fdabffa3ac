//! Limits over a made-up host.

use super::tests::{cgroup, check_refused, hooks, inventory, spec};
use super::*;
use crate::target::Selector;

fn setting(hierarchy: Hierarchy, path: &str, file: &str, shown: &str) -> Setting {
    Setting {
        hierarchy,
        path: path.to_owned(),
        file: file.to_owned(),
        shown: shown.to_owned(),
    }
}

/// With a redis below a slice that has two processors and a gigabyte.
fn host() -> Inventory {
    let mut host = inventory();
    let v2 = |path: &str, file, shown| setting(Hierarchy::V2, path, file, shown);
    host.cgroups
        .push(cgroup(Hierarchy::V2, "/slice/db", 70, &[200, 201]));
    for path in ["/redis", "/slice/db", "/shared", "/new"] {
        host.settings.extend([
            v2(path, "cpu.max", "max 100000"),
            v2(path, "memory.high", "max"),
            v2(path, "memory.max", "max"),
            v2(path, "memory.stat", "anon 1048576\nshmem 1048576"),
            v2(path, "io.max", ""),
        ]);
    }
    host.settings.extend([
        v2("/slice", "cpu.max", "200000 100000"),
        v2("/slice", "memory.max", "1073741824"),
    ]);
    host
}

/// The same with controllers of version 1, as on a hybrid host.
fn hybrid() -> Inventory {
    let mut host = host();
    host.settings.clear();
    let (cpu, memory) = (
        Hierarchy::V1Other("cpu,cpuacct".to_owned()),
        Hierarchy::V1Other("memory".to_owned()),
    );
    host.cgroups
        .push(cgroup(cpu.clone(), "/redis", 71, &[200, 201]));
    host.settings.extend([
        setting(cpu.clone(), "/redis", "cpu.cfs_quota_us", "-1"),
        setting(cpu, "/redis", "cpu.cfs_period_us", "50000"),
        setting(
            memory.clone(),
            "/redis",
            "memory.limit_in_bytes",
            "9223372036854771712",
        ),
        setting(memory, "/redis", "memory.stat", "total_rss 1048576"),
    ]);
    host
}

#[track_caller]
fn check(host: &Inventory, text: &str, mechanism: Mechanism, expected: &str) -> Plan {
    let plan = plan(host, &spec(text))
        .map_err(|refusal| refusal.to_string())
        .unwrap();
    assert_eq!(hooks(&plan), [expected], "{text}");
    assert_eq!(plan.mechanism, mechanism, "{text}");
    plan
}

#[test]
fn a_limit_says_what_is_written_and_what_comes_back() {
    let host = host();
    check(
        &host,
        "cpu.limit pid:200 quota=20%",
        Mechanism::CpuV2,
        "cpu.max of /redis in cgroup v2: 20000 100000, then max 100000 again",
    );
    check(
        &host,
        "cpu.limit cgroup:/slice/db quota=150% period=10ms",
        Mechanism::CpuV2,
        "cpu.max of /slice/db in cgroup v2: 15000 10000, then max 100000 again",
    );
    check(
        &host,
        "memory.limit pid:200 size=64MiB",
        Mechanism::MemoryV2,
        "memory.high of /redis in cgroup v2: 67108864, then max again",
    );
    // Whole pages.
    let size = "memory.limit pid:200 size=67108865b how=kill";
    check(
        &host,
        size,
        Mechanism::MemoryV2,
        "memory.max of /redis in cgroup v2: 67108864, then max again",
    );
    let mut command = spec("cpu.limit pid:1 quota=20%");
    command.target = Selector::Command(vec!["x".to_owned()]);
    assert_eq!(
        hooks(&plan(&host, &command).unwrap()),
        ["cpu.max of /new in cgroup v2: 20000 100000, then max 100000 again"]
    );
}

#[test]
fn version_1_serves_where_version_2_has_no_such_settings() {
    let host = hybrid();
    check(
        &host,
        "cpu.limit cgroup:/redis quota=20%",
        Mechanism::CpuV1,
        "cpu.cfs_quota_us of /redis in the v1 cpu,cpuacct hierarchy: 10000, then -1 again",
    );
    check(
        &host,
        "memory.limit pid:200 size=64MiB how=kill",
        Mechanism::MemoryV1,
        "memory.limit_in_bytes of /redis in the v1 memory hierarchy: 67108864, then \
         9223372036854771712 again",
    );
}

const MOVE: &str = "\nhint: move the target into a cgroup of its own, or choose one whose setting is looser than that";

#[track_caller]
fn refused(host: &Inventory, text: &str, why: &str) {
    let expected =
        format!("no cgroup can be limited that holds the target and nobody else ({why}){MOVE}");
    check_refused(host, text, 3, &expected);
}

#[test]
fn a_limit_is_only_ever_tighter() {
    let mut host = host();
    refused(
        &host,
        "cpu.limit cgroup:/slice/db quota=200%",
        "cgroup v2: /slice above it has no more than 200% already, which is not looser than 200%",
    );
    refused(
        &host,
        "memory.limit cgroup:/slice/db size=1GiB",
        "cgroup v2: memory.max of /slice is 1GiB already, which is not looser than 1GiB; the v1 \
         memory hierarchy: it has no memory.high to throttle by; `how: kill` is possible",
    );
    for setting in &mut host.settings {
        if setting.path == "/redis" && setting.file == "cpu.max" {
            "10000 50000".clone_into(&mut setting.shown);
        }
    }
    refused(
        &host,
        "cpu.limit cgroup:/redis quota=20%",
        "cgroup v2: /redis has no more than 20% already, which is not looser than 20%",
    );
    check(
        &host,
        "cpu.limit cgroup:/redis quota=19%",
        Mechanism::CpuV2,
        "cpu.max of /redis in cgroup v2: 9500 50000, then 10000 50000 again",
    );
}

#[test]
fn who_would_be_killed_at_once_is_told_before() {
    let host = host();
    let holds = "/redis holds 2MiB now, beside what it only caches";
    refused(
        &host,
        "memory.limit cgroup:/redis size=1MiB how=kill",
        &format!(
            "cgroup v2: {holds}, so that processes would be killed at once; `allow_kill` accepts that; \
             the v1 memory hierarchy: /redis has no settings of the memory controller"
        ),
    );
    let warnings = |text| plan(&host, &spec(text)).unwrap().warnings;
    let killed = warnings("memory.limit cgroup:/redis size=1MiB how=kill allow_kill=true");
    assert_eq!(
        killed,
        [format!(
            "{holds}: without swap processes will be killed at once"
        )]
    );
    let slow = warnings("memory.limit cgroup:/redis size=1MiB");
    assert_eq!(
        slow,
        [format!("{holds}: without swap it will stand nearly still")]
    );
    refused(
        &hybrid(),
        "memory.limit cgroup:/redis size=512KiB how=kill allow_kill=true",
        "cgroup v2: /redis has no settings of the memory controller (cgroup.subtree_control of the \
         cgroup above it does not name it); the v1 memory hierarchy: /redis holds 1MiB now, beside \
         what it only caches, and cgroup v1 takes no limit below that",
    );
}

#[test]
fn a_host_that_stops_when_memory_runs_out_is_spared() {
    let host = Inventory {
        panics_on_oom: true,
        ..host()
    };
    let why = "vm.panic_on_oom is 2: the whole host would stop instead";
    let expected = format!("cgroup v2: {why}; the v1 memory hierarchy: {why}");
    refused(
        &host,
        "memory.limit cgroup:/redis size=64MiB how=kill",
        &expected,
    );
    assert_eq!(
        plan(&host, &spec("memory.limit cgroup:/redis size=64MiB"))
            .unwrap()
            .hooks
            .len(),
        1
    );
}

#[test]
fn what_version_1_cannot_do_is_said() {
    let host = hybrid();
    let v2 = |controller| {
        format!(
            "cgroup v2: /redis has no settings of the {controller} controller \
             (cgroup.subtree_control of the cgroup above it does not name it)"
        )
    };
    refused(
        &host,
        "memory.limit cgroup:/redis size=64MiB",
        &format!(
            "{}; the v1 memory hierarchy: it has no memory.high to throttle by; `how: kill` is possible",
            v2("memory")
        ),
    );
    refused(
        &host,
        "cpu.limit cgroup:/redis quota=20% period=100ms",
        &format!(
            "{}; the v1 cpu,cpuacct hierarchy: /redis has a period of 50000us, which stays as it is \
             in cgroup v1",
            v2("cpu")
        ),
    );
}

#[test]
fn nobody_else_is_limited() {
    let host = host();
    refused(
        &host,
        "cpu.limit pid:300 quota=20%",
        "cgroup v2: /shared also holds process 301",
    );
    check_refused(
        &host,
        "cpu.limit netns:blue quota=20%",
        2,
        "cpu.limit is a fault of processes, and netns:blue is not one\n\
         hint: use pid:, cgroup:, container:, unit:, comm:, exe:, user: or `-- COMMAND`",
    );
}

#[test]
fn two_limits_of_one_cgroup_are_refused() {
    let mut host = host();
    let first = plan(&host, &spec("cpu.limit cgroup:/slice/db quota=50%")).unwrap();
    host.armed.push(ArmedFault {
        id: "cpu.limit-1".to_owned(),
        kind: first.kind,
        owner: None,
        hooks: first.hooks,
        select: first.select,
    });
    check_refused(
        &host,
        "cpu.limit cgroup:/slice/db quota=20%",
        3,
        "cpu.limit already acts there: fault cpu.limit-1 of somebody without a label\n\
         hint: wait until it ends, or end it with `temblor stop cpu.limit-1`",
    );
}

const SLOW: &str = "disk.slow cgroup:/redis write_bps=1MiB read_iops=7";

#[test]
fn of_a_disk_the_rates_are_written_that_were_asked_for() {
    let mut host = host();
    let expected =
        "io.max of /redis in cgroup v2: 8:0 wbps=1048576 riops=7, then wbps=max riops=max again";
    check(&host, SLOW, Mechanism::IoV2, expected);
    for setting in &mut host.settings {
        if setting.path == "/redis" && setting.file == "io.max" {
            "8:16 rbps=max wbps=1 riops=1 wiops=max\n8:0 rbps=5 wbps=2097152 riops=max wiops=1"
                .clone_into(&mut setting.shown);
        }
    }
    let expected = "io.max of /redis in cgroup v2: 8:0 wbps=1048576 riops=7, then wbps=2097152 riops=max again";
    let planned = check(&host, SLOW, Mechanism::IoV2, expected);
    assert_eq!(planned.warnings, Vec::<String>::new());
    let looser = "disk.slow cgroup:/redis write_bps=2MiB";
    let reason = "cgroup v2: write_bps of sda in io.max of /redis is 2MiB per second already, which is not \
                  looser than 2MiB per second";
    refused(&host, looser, reason);
    host.settings
        .push(setting(Hierarchy::V2, "/slice", "io.max", "8:0 riops=4"));
    let below = "disk.slow cgroup:/slice/db read_iops=4";
    let reason = "cgroup v2: read_iops of sda in io.max of /slice is 4 per second already, which is not \
                  looser than 4 per second";
    refused(&host, below, reason);
}

#[test]
fn whose_writes_they_are_only_the_memory_controller_knows() {
    let mut host = host();
    host.settings
        .retain(|setting| setting.file != "memory.high");
    let warnings = |text| plan(&host, &spec(text)).unwrap().warnings;
    let reason = "/redis has no memory controller: of its writes only those with O_DIRECT or O_SYNC are \
                  limited";
    assert_eq!(warnings(SLOW), [reason]);
    assert!(warnings("disk.slow cgroup:/redis read_iops=7").is_empty());
    host.settings.retain(|setting| setting.file != "io.max");
    let reason = "cgroup v2: /redis has no settings of the io controller (cgroup.subtree_control of the \
                  cgroup above it does not name it)";
    refused(&host, SLOW, reason);
}

#[test]
fn a_path_without_one_disk_has_no_rate() {
    let mut host = host();
    host.disks = vec![Err("it is made of memory".to_owned())];
    let reason = "--path: /var/: it is made of memory\nhint: a path on a disk, or `latency`, which needs none";
    check_refused(&host, SLOW, 3, reason);
    let disk = |number: &str, name: &str| {
        Ok(Disk {
            number: number.to_owned(),
            name: name.to_owned(),
        })
    };
    host.disks = vec![disk("8:0", "sda"), disk("8:16", "sdb")];
    let reason = "--path: /var/ is on sda for one of the target's processes and on sdb for another\n\
                  hint: choose a target whose processes share their root directory";
    check_refused(&host, SLOW, 3, reason);
}

#[test]
fn two_disks_of_one_cgroup_are_two_places() {
    let mut host = host();
    let first = plan(&host, &spec(SLOW)).unwrap();
    host.armed.push(ArmedFault {
        id: "disk.slow-1".to_owned(),
        kind: first.kind,
        owner: None,
        hooks: first.hooks,
        select: first.select,
    });
    let reason = "disk.slow already acts there: fault disk.slow-1 of somebody without a label\n\
                  hint: wait until it ends, or end it with `temblor stop disk.slow-1`";
    check_refused(&host, SLOW, 3, reason);
    for disk in &mut host.disks {
        *disk = Ok(Disk {
            number: "8:16".to_owned(),
            name: "sdb".to_owned(),
        });
    }
    assert_eq!(plan(&host, &spec(SLOW)).unwrap().hooks.len(), 1);
}
