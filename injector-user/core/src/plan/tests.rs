//! Plans and refusals over made-up hosts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::fault::{FaultSpec, Given, Kind, parse};
use crate::problem::{Place, Problem};
use crate::target::Selector;

pub(super) const HOST: u64 = 1;
pub(super) const BLUE: u64 = 7;
pub(super) const GREEN: u64 = 8;

pub(super) fn process(pid: i32, ppid: i32, comm: &str, cgroups: [&str; 2], netns: u64) -> Process {
    Process {
        pid,
        ppid,
        start_time: 1_000,
        comm: comm.to_owned(),
        exe: Some(format!("/usr/bin/{comm}")),
        uid: if pid < 300 { 0 } else { 33 },
        memory_kib: 1,
        cpu_ticks: 1,
        cgroup_v2: Some(cgroups[0].to_owned()),
        freezer_v1: Some(cgroups[1].to_owned()),
        netns,
        protected: (pid < 200).then(|| ProtectedReason("it keeps the host reachable".to_owned())),
    }
}

pub(super) fn cgroup(hierarchy: Hierarchy, path: &str, id: u64, members: &[i32]) -> Cgroup {
    Cgroup {
        hierarchy,
        path: path.to_owned(),
        id,
        members: members.to_vec(),
        frozen: path == "/icy",
        is_root: path == "/",
    }
}

fn interface(name: &str, index: u32, kind: InterfaceKind) -> Interface {
    Interface {
        name: name.to_owned(),
        index,
        kind,
        up: !name.starts_with("down"),
        part_of: None,
    }
}

pub(super) fn namespace(inode: u64, name: Option<&str>, members: &[i32]) -> Namespace {
    let mut interfaces = vec![
        interface("lo", 1, InterfaceKind::Loopback),
        interface("eth0", 2, InterfaceKind::Ethernet),
    ];
    if inode == BLUE {
        interfaces.push(interface(
            "tun0",
            3,
            InterfaceKind::Other("none".to_owned()),
        ));
        interfaces.push(interface("down0", 4, InterfaceKind::Ethernet));
    }
    Namespace {
        inode,
        name: name.map(str::to_owned),
        handle: name.map_or("/proc/1/ns/net".to_owned(), |name| {
            format!("/run/netns/{name}")
        }),
        is_host: inode == HOST,
        interfaces,
        members: Some(members.to_vec()),
    }
}

/// Settings of version 2 as they are where nobody has set them.
fn unlimited(cgroups: &[Cgroup]) -> Vec<Setting> {
    let v2 = cgroups.iter().filter(|one| one.hierarchy == Hierarchy::V2);
    let named = v2.filter(|one| !one.is_root).flat_map(|one| {
        let files = [
            ("cpu.max", "max 100000"),
            ("memory.high", "max"),
            ("memory.max", "max"),
            ("io.max", ""),
        ];
        files.map(|(file, shown)| Setting {
            hierarchy: Hierarchy::V2,
            path: one.path.clone(),
            file: file.to_owned(),
            shown: shown.to_owned(),
        })
    });
    named.collect()
}

/// A host with a redis of two processes, a shared cgroup, an app in a namespace of its own (blue),
/// a pair that shares one (green), and more.
pub(super) fn inventory() -> Inventory {
    let processes = vec![
        process(1, 0, "systemd", ["/init", "/"], HOST),
        process(100, 1, "sshd", ["/ssh", "/"], HOST),
        process(200, 1, "redis", ["/redis", "/"], HOST),
        process(201, 200, "redis-bg", ["/redis", "/"], HOST),
        process(300, 1, "web", ["/shared", "/"], HOST),
        process(301, 1, "log", ["/shared", "/"], HOST),
        process(400, 1, "app", ["/", "/app"], BLUE),
        process(401, 400, "app-child", ["/", "/app"], BLUE),
        process(500, 1, "spread", ["/spread/a", "/"], HOST),
        process(501, 500, "spread-b", ["/spread/b", "/"], HOST),
        process(600, 1, "left", ["/left", "/"], GREEN),
        process(601, 1, "right", ["/shared", "/"], GREEN),
        process(700, 1, "cold", ["/icy", "/"], HOST),
    ];
    let all: Vec<i32> = processes.iter().map(|process| process.pid).collect();
    let memory = || Hierarchy::V1Other("memory".to_owned());
    let cgroups = vec![
        cgroup(Hierarchy::V2, "/", 1, &all),
        cgroup(Hierarchy::V1Freezer, "/", 2, &all),
        cgroup(Hierarchy::V2, "/redis", 42, &[200, 201]),
        cgroup(memory(), "/redis", 43, &[200, 201]),
        cgroup(Hierarchy::V2, "/shared", 44, &[300, 301, 601]),
        cgroup(Hierarchy::V2, "/spread", 45, &[500, 501]),
        cgroup(Hierarchy::V2, "/spread/a", 46, &[500]),
        cgroup(Hierarchy::V2, "/left", 47, &[600]),
        cgroup(Hierarchy::V2, "/icy", 48, &[700]),
        cgroup(Hierarchy::V1Freezer, "/app", 49, &[400, 401]),
        cgroup(Hierarchy::V2, "/twin", 50, &[200]),
        cgroup(memory(), "/twin", 51, &[200, 201]),
        cgroup(memory(), "/limited", 52, &[300]),
        cgroup(Hierarchy::V2, "/limited", 53, &[]),
        cgroup(Hierarchy::V2, "/empty", 54, &[]),
        cgroup(Hierarchy::V2, "/ssh", 55, &[100]),
        cgroup(Hierarchy::V2, "/new", 56, &[]),
        cgroup(Hierarchy::V2, "/user", 57, &[300]),
    ];
    let supported = Capability {
        state: CapabilityState::Supported,
        reason: String::new(),
    };
    Inventory {
        namespaces: vec![
            namespace(HOST, None, &[1, 100, 200, 201, 300, 301, 500, 501, 700]),
            namespace(BLUE, Some("blue"), &[400, 401]),
            namespace(GREEN, Some("green"), &[600, 601]),
        ],
        processes,
        settings: unlimited(&cgroups),
        cgroups,
        capabilities: Mechanism::ALL
            .iter()
            .map(|mechanism| (*mechanism, supported.clone()))
            .collect(),
        own_cgroup_ancestors: vec!["/".to_owned(), "/user".to_owned()],
        armed: Vec::new(),
        command_cgroup: Some("/new".to_owned()),
        disks: vec![Ok(Disk {
            number: "8:0".to_owned(),
            name: "sda".to_owned(),
        })],
        supplies: pressure_tests::supplies(),
        ..Inventory::default()
    }
}

/// `text` is a kind, a target and more parameters: `net.loss pid:7 ports=80`.
pub(super) fn spec(text: &str) -> FaultSpec {
    let mut words = text.split_whitespace();
    let kind: Kind = words.next().unwrap().parse().unwrap();
    let target = words.next().unwrap();
    let extra: &[&str] = match kind {
        Kind::NetLoss
        | Kind::NetDuplicate
        | Kind::NetCorrupt
        | Kind::NetPartition
        | Kind::ProcessFdLimit
        | Kind::ProcessForkError
        | Kind::MemoryError
        | Kind::CpuStress => &[],
        Kind::NetRate => &["rate=10mbit"],
        Kind::NetDelay => &["latency=20ms"],
        Kind::SockError => &["operation=connect", "errno=ECONNREFUSED"],
        Kind::ProcessFreeze => &["active=100ms", "dormant=100ms"],
        Kind::CpuLimit => &["quota=20%"],
        Kind::MemoryLimit => &["size=1GiB"],
        Kind::ProcessSignal => &["signal=CONT"],
        Kind::SyscallError => &["syscalls=fsync", "errno=EIO"],
        Kind::SyscallDelay => &["syscalls=fsync", "latency=20ms"],
        Kind::ProcessCrash => &["syscalls=fsync"],
        Kind::DiskError | Kind::DiskFull | Kind::DiskReadonly => &["path=/var/"],
        Kind::DiskSlow if text.contains("ps=") => &["path=/var/"],
        Kind::DiskSlow => &["path=/var/", "latency=1s"],
        Kind::DiskStress => &["path=/var"],
        // Those that say how much themselves say it otherwise.
        Kind::MemoryStress if text.contains("percent=") => &[],
        Kind::DiskFill if text.contains("percent=") || text.contains("left=") => &["path=/var"],
        Kind::MemoryStress => &["size=64MiB"],
        Kind::DiskFill => &["path=/var", "size=64MiB"],
    };
    let pairs = extra.iter().copied().chain(["duration=10s"]).chain(words);
    let mut params: BTreeMap<_, _> = pairs
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), Given::flag(name, value)))
        .collect();
    params.insert("target".to_owned(), Given::flag("target", target));
    parse(kind, &params)
        .map_err(|problems| problems.render())
        .unwrap()
}

pub(super) fn planned(text: &str) -> Plan {
    plan(&inventory(), &spec(text))
        .map_err(|refusal| refusal.to_string())
        .unwrap()
}

/// The places, in the words of `temblor plan`.
pub(super) fn hooks(plan: &Plan) -> Vec<String> {
    plan.hooks.iter().map(ToString::to_string).collect()
}

fn check(text: &str, mechanism: Mechanism, expected: &[&str]) -> Plan {
    let plan = planned(text);
    assert_eq!(hooks(&plan), expected, "{text}");
    assert_eq!(plan.mechanism, mechanism, "{text}");
    plan
}

/// `expected` is the place if it is not `--target`, the reason, and the hint in a second line.
pub(super) fn check_refused(inventory: &Inventory, text: &str, code: u8, expected: &str) {
    let spec = spec(text);
    let refusal = plan(inventory, &spec).unwrap_err();
    assert_eq!(refusal.exit_code(), code, "{text}");
    let placed = expected.starts_with("--") || expected.starts_with(&format!("{}: ", spec.kind()));
    let place = if placed { "" } else { "--target: " };
    let shown = refusal.at(&spec).render();
    assert_eq!(shown, format!("{place}{expected}"), "{text}");
}

fn refused(text: &str, code: u8, expected: &str) {
    check_refused(&inventory(), text, code, expected);
}

#[test]
fn a_plan_is_a_whole_value() {
    let plan =
        planned("net.loss iface:eth0@blue probability=30% ports=6379 peers=10.0.0.0/8 delay=1s");
    let expected = Plan {
        also: Vec::new(),
        kind: Kind::NetLoss,
        fault: [
            ("delay", "1s"),
            ("duration", "10s"),
            ("peers", "10.0.0.0/8"),
            ("ports", "6379"),
            ("probability", "0.3"),
            ("target", "iface:eth0@blue"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into(),
        who: vec![Who::Interface {
            name: "eth0".to_owned(),
            netns: "blue".to_owned(),
        }],
        chosen: None,
        mechanism: Mechanism::TcxLoss,
        hooks: vec![Hook::Tcx {
            netns: "/run/netns/blue".to_owned(),
            netns_inode: BLUE,
            ifindex: 2,
            interface: "eth0".to_owned(),
            loopback: false,
            direction: Way::Egress,
        }],
        select: Select {
            peers: vec!["10.0.0.0/8".parse().unwrap()],
            ports: vec!["6379".parse().unwrap()],
            ..Select::default()
        },
        delay_ns: 1_000_000_000,
        duration_ns: 10_000_000_000,
        warnings: Vec::new(),
    };
    assert_eq!(plan, expected);
}

#[test]
fn a_plan_survives_json() {
    for text in [
        "net.loss iface:eth0@blue ports=80 direction=both protocol=udp",
        "net.loss cgroup:/redis direction=both",
        "sock.error pid:200 peers=::1",
        "process.freeze cgroup:/redis",
    ] {
        let plan = planned(text);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }
}

#[test]
fn a_plan_reads_well() {
    assert_eq!(
        planned("net.loss cgroup:/redis direction=both ports=6379 delay=2s").to_string(),
        "fault    net.loss delay=2s direction=both duration=10s ports=6379 target=cgroup:/redis\n\
         who      redis (200), redis-bg (201)\n\
         how      tcx, socket-lookup\n\
         where    egress of lo in /proc/1/ns/net\n         \
         egress of eth0 in /proc/1/ns/net\n         \
         ingress of lo in /proc/1/ns/net\n         \
         ingress of eth0 in /proc/1/ns/net\n\
         which    cgroup /redis, ports 6379\n\
         when     for 10s, beginning 2s after arming\n\
         warning  packets that no socket sends, such as resets and ICMP replies, are nobody's and \
         pass\n\
         warning  packets that arrive for no single socket, such as ICMP and multicast, are \
         nobody's and pass"
    );
}

#[test]
fn directions_choose_the_ways_through_an_interface() {
    let tcx = Mechanism::TcxLoss;
    check(
        "net.loss iface:eth0@blue",
        tcx,
        &["egress of eth0 in /run/netns/blue"],
    );
    check(
        "net.loss iface:eth0@blue direction=in",
        tcx,
        &["ingress of eth0 in /run/netns/blue"],
    );
    check(
        "net.loss iface:eth0@blue direction=both",
        tcx,
        &[
            "egress of eth0 in /run/netns/blue",
            "ingress of eth0 in /run/netns/blue",
        ],
    );
}

#[test]
fn a_namespace_is_all_its_interfaces_that_are_up() {
    let expected = [
        "egress of lo in /run/netns/blue",
        "egress of eth0 in /run/netns/blue",
        "egress of tun0 in /run/netns/blue",
    ];
    for target in ["netns:blue", "netns:/run/netns/blue", "netns:400"] {
        let plan = check(&format!("net.loss {target}"), Mechanism::TcxLoss, &expected);
        assert_eq!(plan.who.len(), 3);
        assert_eq!(plan.select, Select::default());
    }
}

#[test]
fn what_has_no_ethernet_header_cannot_be_delayed() {
    let plan = check(
        "net.delay netns:blue",
        Mechanism::TapDelay,
        &[
            "egress of lo in /run/netns/blue",
            "egress of eth0 in /run/netns/blue",
        ],
    );
    assert_eq!(
        plan.warnings,
        ["packets of tun0 pass untouched: it has no Ethernet header"]
    );
    refused(
        "net.delay iface:tun0@blue",
        3,
        "packets of an interface without Ethernet headers cannot take a detour\n\
         hint: choose an interface of kind ethernet or loopback, or use net.loss",
    );
}

#[test]
fn warnings_say_what_one_should_know() {
    let warnings = |text| planned(text).warnings;
    assert_eq!(
        warnings("net.loss iface:down0@blue"),
        ["down0 is down: nothing passes it now"]
    );
    assert_eq!(
        warnings("net.loss iface:lo@blue direction=both"),
        ["a packet on the loopback interface passes it twice, out and in, and suffers both times"]
    );
    assert_eq!(
        warnings("net.loss iface:eth0@blue probability=0"),
        ["with a probability of 0 nothing will ever happen"]
    );
    assert_eq!(
        warnings("process.freeze cgroup:/redis count=51"),
        ["only 50 of 51 pulses fit into the duration of 10s"]
    );
    assert!(warnings("process.freeze cgroup:/redis count=50").is_empty());
}

#[test]
fn the_host_needs_a_filter() {
    for text in [
        "net.loss iface:eth0",
        "net.delay iface:eth0",
        "net.loss iface:eth0 protocol=tcp",
        "net.loss iface:eth0 peers=0.0.0.0/0",
        "net.loss iface:eth0 peers=10.0.0.1,::/0",
    ] {
        refused(
            text,
            2,
            "iface:eth0 belongs to the host, and without peers or ports all its traffic would \
             suffer\nhint: add `peers` or `ports`, or use a target with a network namespace of \
             its own",
        );
    }
    let plan = plan(&inventory(), &spec("net.loss netns:1"));
    assert_eq!(plan.unwrap_err().exit_code(), 2);
    check(
        "net.loss iface:eth0 ports=6379",
        Mechanism::TcxLoss,
        &["egress of eth0 in /proc/1/ns/net"],
    );
    check(
        "net.delay iface:lo peers=127.0.0.1",
        Mechanism::TapDelay,
        &["egress of lo in /proc/1/ns/net"],
    );
}

#[test]
fn processes_alone_in_a_namespace_suffer_by_interface() {
    let expected = [
        "egress of lo in /run/netns/blue",
        "egress of eth0 in /run/netns/blue",
    ];
    for target in ["pid:400", "cgroup:/app"] {
        let plan = check(
            &format!("net.delay {target}"),
            Mechanism::TapDelay,
            &expected,
        );
        assert_eq!(plan.select, Select::default());
        assert_eq!(plan.who.len(), 2);
    }
    let both = planned("net.delay pid:400 direction=both");
    assert_eq!(both.hooks.len(), 4);
}

#[test]
fn a_cgroup_in_a_shared_namespace_is_chosen_by_its_sockets() {
    let egress = [
        "egress of lo in /proc/1/ns/net",
        "egress of eth0 in /proc/1/ns/net",
    ];
    let plan = check("net.delay cgroup:/redis", Mechanism::TapDelay, &egress);
    let cgroup = plan.select.cgroup.unwrap();
    assert_eq!(
        (cgroup.id, cgroup.path.as_str(), cgroup.level()),
        (42, "/redis", 1)
    );

    let ingress = "ingress of eth0 in /proc/1/ns/net";
    for (kind, mechanism) in [
        ("net.loss", Mechanism::TcxLoss),
        ("net.delay", Mechanism::TapDelay),
    ] {
        let arriving = planned(&format!("{kind} cgroup:/redis direction=in"));
        assert_eq!(arriving.mechanisms(), [mechanism, Mechanism::SocketLookup]);
        assert_eq!(hooks(&arriving).last().unwrap(), ingress);
        let both = planned(&format!("{kind} cgroup:/redis direction=both"));
        assert_eq!(hooks(&both)[..2], egress);
        assert_eq!(both.hooks.len(), 4);
    }
}

#[test]
fn processes_in_a_shared_namespace_are_chosen_by_the_marks_of_their_sockets() {
    let plan = check(
        "net.loss pid:500",
        Mechanism::TcxLoss,
        &[
            "egress of lo in /proc/1/ns/net",
            "egress of eth0 in /proc/1/ns/net",
            "new sockets in cgroup /spread/a",
            "new sockets in cgroup /spread/b",
        ],
    );
    assert_eq!(plan.select.thread_groups, [500, 501]);
    assert_eq!(plan.select.cgroup, None);
    let all = [
        Mechanism::TcxLoss,
        Mechanism::ForkTracking,
        Mechanism::SocketStorage,
    ];
    assert_eq!(plan.mechanisms(), all);
    let arriving = planned("net.delay pid:600 direction=in");
    assert_eq!(
        hooks(&arriving),
        [
            "ingress of lo in /run/netns/green",
            "ingress of eth0 in /run/netns/green",
            "new sockets in cgroup /left"
        ]
    );
    assert!(arriving.mechanisms().contains(&Mechanism::SocketLookup));
    // A cgroup of version 1, whose members are known by number.
    let plan = planned("net.loss cgroup:/limited all=true");
    assert_eq!(plan.select.thread_groups, [300]);
}

#[test]
fn packets_are_told_by_their_socket_at_a_bridge_and_not_at_its_ports_again() {
    let mut inventory = inventory();
    let [lo, eth0, ..] = &mut inventory.namespaces[0].interfaces[..] else {
        panic!("two interfaces");
    };
    eth0.part_of = Some(77);
    let bridge = interface("br0", 77, InterfaceKind::Ethernet);
    let (lo, up) = (lo.up, eth0.up);
    assert!(lo && up);
    let planned =
        |inventory: &Inventory| hooks(&plan(inventory, &spec("net.loss pid:500")).unwrap());
    // A bridge that is down has no packets.
    let both = planned(&inventory);
    assert!(both.contains(&"egress of eth0 in /proc/1/ns/net".to_owned()));
    inventory.namespaces[0].interfaces.push(bridge);
    let at_bridge = planned(&inventory);
    assert!(!at_bridge.contains(&"egress of eth0 in /proc/1/ns/net".to_owned()));
    assert!(at_bridge.contains(&"egress of br0 in /proc/1/ns/net".to_owned()));
    let named = plan(&inventory, &spec("net.loss iface:eth0 ports=80")).unwrap();
    assert_eq!(hooks(&named), ["egress of eth0 in /proc/1/ns/net"]);
}

#[test]
fn what_cannot_be_attributed_is_refused_and_not_widened() {
    let mut inventory = inventory();
    let log = inventory.processes.iter_mut();
    for process in log.filter(|process| process.pid == 301) {
        process.cgroup_v2 = None;
    }
    check_refused(
        &inventory,
        "net.loss pid:301",
        3,
        "packets in the host's network namespace cannot be attributed to the target, which shares \
         it with 8 other processes: process 301 (log) is in no v2 cgroup, where its sockets could \
         be marked\nhint: mount the v2 hierarchy, or start the target in a network namespace of \
         its own",
    );
    refused(
        "net.loss pid:300 direction=in protocol=icmp",
        3,
        "--protocol: ICMP that arrives cannot be attributed to a socket\n\
         hint: use direction out, or a target with its own network namespace",
    );
    planned("net.loss pid:300 protocol=icmp");
    planned("net.loss pid:400 direction=in protocol=icmp");
}

#[test]
fn an_unknown_neighbourhood_is_not_taken_for_an_empty_one() {
    let mut inventory = inventory();
    for namespace in &mut inventory.namespaces {
        namespace.members = None;
    }
    let alone = plan(&inventory, &spec("net.loss pid:400")).unwrap();
    assert_eq!(alone.select.thread_groups, [400, 401]);
    plan(&inventory, &spec("net.loss cgroup:/redis")).unwrap();
    plan(&inventory, &spec("net.loss netns:blue")).unwrap();
}

#[test]
fn a_namespace_that_could_not_be_read_is_refused() {
    let mut inventory = inventory();
    inventory
        .namespaces
        .retain(|namespace| namespace.inode == BLUE);
    check_refused(
        &inventory,
        "net.loss cgroup:/redis",
        3,
        "the target's network namespace 1 could not be read\n\
         hint: it may have vanished just now: ask again",
    );
    check_refused(
        &inventory,
        "net.loss iface:eth0 ports=80",
        3,
        "the host's network namespace could not be read\n\
         hint: is /proc mounted, and readable? or name a namespace: iface:NAME@NETNS",
    );
}

#[test]
fn a_target_over_two_namespaces_is_covered_in_both() {
    let plan = planned("net.loss cgroup:/shared");
    assert_eq!(plan.hooks.len(), 4);
    assert_eq!(plan.select.cgroup.unwrap().id, 44);
}

#[test]
fn socket_errors_attach_to_the_cgroup() {
    let plan = check(
        "sock.error cgroup:/redis operation=connect,bind peers=::1 ports=80",
        Mechanism::CgroupSock,
        &["connect in cgroup /redis", "bind in cgroup /redis"],
    );
    assert_eq!(plan.select.thread_groups, Vec::<i32>::new());
    assert_eq!(plan.select.ports.len(), 1);
    assert_eq!(plan.mechanisms(), [Mechanism::CgroupSock]);
}

#[test]
fn socket_errors_of_processes_track_their_children() {
    let plan = check(
        "sock.error pid:200",
        Mechanism::CgroupSock,
        &["connect in cgroup /redis"],
    );
    assert_eq!(plan.select.thread_groups, [200, 201]);
    assert_eq!(
        plan.mechanisms(),
        [Mechanism::CgroupSock, Mechanism::ForkTracking]
    );
    assert_eq!(
        plan.warnings,
        ["children are covered, a restart under a new pid is not"]
    );

    let plan = check(
        "sock.error pid:500",
        Mechanism::CgroupSock,
        &["connect in cgroup /spread/a", "connect in cgroup /spread/b"],
    );
    assert_eq!(plan.select.thread_groups, [500, 501]);

    // v1 only: the processes are in the v2 root.
    let plan = check(
        "sock.error cgroup:/app",
        Mechanism::CgroupSock,
        &["connect in cgroup /"],
    );
    assert_eq!(plan.select.thread_groups, [400, 401]);
    let plan = planned("sock.error cgroup:/limited");
    assert_eq!(hooks(&plan), ["connect in cgroup /shared"]);
    assert_eq!(plan.select.thread_groups, [300]);
}

#[test]
fn without_a_v2_hierarchy_there_are_no_socket_errors() {
    let mut inventory = inventory();
    for process in &mut inventory.processes {
        process.cgroup_v2 = None;
    }
    check_refused(
        &inventory,
        "sock.error pid:200",
        3,
        "process 200 (redis) is in no v2 cgroup\n\
         hint: mount the v2 hierarchy: mount -t cgroup2 none /sys/fs/cgroup/unified",
    );
}

#[test]
fn faults_of_processes_have_no_interfaces() {
    for (text, kind) in [
        ("sock.error netns:blue", "sock.error"),
        ("process.freeze netns:blue", "process.freeze"),
        ("process.signal netns:blue", "process.signal"),
    ] {
        refused(
            text,
            2,
            &format!(
                "{kind} is a fault of processes, and netns:blue is not one\n\
                 hint: use pid:, cgroup:, container:, unit:, comm:, exe:, user: or `-- COMMAND`"
            ),
        );
    }
}

#[test]
fn freezing_takes_the_cgroup_that_holds_exactly_the_target() {
    let v2 = "/redis in cgroup v2";
    check("process.freeze cgroup:/redis", Mechanism::FreezerV2, &[v2]);
    check("process.freeze pid:200", Mechanism::FreezerV2, &[v2]);
    let v1 = "/app in the v1 freezer hierarchy";
    check("process.freeze cgroup:/app", Mechanism::FreezerV1, &[v1]);
    check("process.freeze pid:400", Mechanism::FreezerV1, &[v1]);
}

#[test]
fn signals_go_to_whoever_is_the_target_when_they_are_sent() {
    let family = ["process 200 and all it starts"];
    check("process.signal pid:200", Mechanism::Pidfd, &family);
    let members = [
        "all in /redis in cgroup v2",
        "all in /redis in the v1 memory hierarchy",
    ];
    check("process.signal cgroup:/redis", Mechanism::Pidfd, &members);
    let one = ["all in /limited in the v1 memory hierarchy"];
    check("process.signal cgroup:/limited", Mechanism::Pidfd, &one);
    let root = "the root cgroup holds the whole host\nhint: name a cgroup below it";
    refused("process.signal cgroup:/", 3, root);
}

#[test]
fn a_signal_says_what_cannot_be_undone() {
    let warned = |words: &str, expected: &[&str]| {
        let plan = planned(&format!("process.signal pid:200 {words}"));
        assert_eq!(plan.warnings, expected, "{words}");
    };
    let ends =
        "SIGKILL ends processes, which nobody can undo: only what restarts them by itself does";
    warned("signal=KILL", &[ends]);
    let unprepared = "SIGUSR1 ends processes that do not handle it, which nobody can undo";
    warned("signal=USR1", &[unprepared]);
    warned("signal=STOP", &[]);
    let few = "only 4 of 5 rounds fit into the duration of 10s";
    warned("signal=CONT interval=3s count=5", &[few]);
    warned("signal=CONT interval=3s count=4", &[]);
}

#[test]
fn freezing_refuses_what_would_hit_others_or_miss_some() {
    let hint = "hint: start the target with `-- COMMAND`, or move it into a cgroup of its own";
    let none = |text: &str, v2: &str, v1: &str| {
        let expected = format!(
            "no cgroup can be frozen that holds the target and nobody else (cgroup v2: {v2}; \
             the v1 freezer hierarchy: {v1})\n{hint}"
        );
        refused(text, 3, &expected);
    };
    let root = "the target is in the root cgroup";
    none(
        "process.freeze pid:300",
        "/shared also holds process 301",
        root,
    );
    none(
        "process.freeze pid:201",
        "/redis also holds process 200",
        root,
    );
    none(
        "process.freeze pid:401",
        root,
        "/app also holds process 400",
    );
    none(
        "process.freeze pid:500",
        "/spread/b could not be read",
        root,
    );
    none(
        "process.freeze cgroup:/icy",
        "/icy is frozen already, and not by this fault",
        root,
    );
    none(
        "process.freeze pid:501",
        "/spread/b could not be read",
        root,
    );
}

#[test]
fn a_freezer_that_does_not_work_gives_way_to_the_other() {
    let mut inventory = inventory();
    inventory
        .cgroups
        .push(cgroup(Hierarchy::V1Freezer, "/redis", 60, &[200, 201]));
    let unsupported = Capability {
        state: CapabilityState::Unsupported,
        reason: "there is no cgroup.freeze".to_owned(),
    };
    inventory
        .capabilities
        .insert(Mechanism::FreezerV2, unsupported);
    let plan = plan(&inventory, &spec("process.freeze cgroup:/redis")).unwrap();
    assert_eq!(hooks(&plan), ["/redis in the v1 freezer hierarchy"]);
    check_refused(
        &inventory,
        "process.freeze cgroup:/spread",
        3,
        "no cgroup can be frozen that holds the target and nobody else (cgroup v2: there is no \
         cgroup.freeze; the v1 freezer hierarchy: the target is in the root cgroup)\n\
         hint: start the target with `-- COMMAND`, or move it into a cgroup of its own",
    );
}

#[test]
fn nothing_matched_is_an_error() {
    refused(
        "sock.error pid:999",
        2,
        "there is no process 999\nhint: `temblor targets` lists what there is",
    );
    refused(
        "sock.error cgroup:/nowhere",
        2,
        "there is no cgroup /nowhere\n\
         hint: the path as it stands in /proc/PID/cgroup; `temblor targets` lists them",
    );
    refused(
        "sock.error cgroup:/empty",
        2,
        "there is no process in the cgroup /empty\n\
         hint: start the target first, or start it with `-- COMMAND`",
    );
    refused(
        "net.loss netns:red",
        2,
        "there is no network namespace red\n\
         hint: a name under /run/netns, a path to open, or the pid of a process in it",
    );
    refused(
        "net.loss iface:eth9@blue",
        2,
        "the network namespace blue has no interface eth9\nhint: it has lo, eth0, tun0, down0",
    );
}

#[test]
fn a_namespace_with_nothing_up_is_an_error() {
    let mut inventory = inventory();
    for interface in &mut inventory.namespaces[1].interfaces {
        interface.up = false;
    }
    for text in ["net.loss netns:blue", "net.delay pid:400"] {
        check_refused(
            &inventory,
            text,
            2,
            "no interface of the network namespace blue is up\n\
             hint: bring one up: ip link set NAME up",
        );
    }
}

#[test]
fn more_than_one_match_needs_all() {
    refused(
        "sock.error cgroup:/twin",
        2,
        "/twin has other processes in cgroup v2 than in the v1 memory hierarchy\n\
         hint: use a path that only one hierarchy has, or --all for all of them",
    );
    let plan = planned("sock.error cgroup:/twin all=true");
    assert_eq!(plan.select.thread_groups, [200, 201]);
    // The same processes twice are one match.
    planned("sock.error cgroup:/redis");
}

#[test]
fn two_namespaces_of_one_name_are_ambiguous() {
    let mut inventory = inventory();
    inventory.namespaces.push(namespace(9, Some("blue"), &[]));
    check_refused(
        &inventory,
        "net.loss netns:blue",
        2,
        "blue means several network namespaces\n\
         hint: name the path, such as /run/netns/NAME or /proc/PID/ns/net",
    );
}

#[test]
fn protected_processes_are_never_targets() {
    let hint = "hint: choose a target without it; protected processes are never targets";
    for text in [
        "sock.error pid:100",
        "net.loss cgroup:/ssh",
        "process.freeze cgroup:/ssh all=true",
    ] {
        let expected =
            format!("process 100 (sshd) is protected: it keeps the host reachable\n{hint}");
        refused(text, 3, &expected);
    }
    // All descendants are targets too.
    let expected = format!("process 1 (systemd) is protected: it keeps the host reachable\n{hint}");
    refused("sock.error pid:1", 3, &expected);
}

#[test]
fn our_own_cgroups_and_the_root_are_never_targets() {
    refused(
        "sock.error cgroup:/user",
        3,
        "temblor itself runs in or below the cgroup /user\n\
         hint: choose a cgroup further down that holds only the target",
    );
    refused(
        "net.loss cgroup:/",
        3,
        "the root cgroup holds the whole host\nhint: name a cgroup below it",
    );
}

#[test]
fn what_the_host_cannot_do_is_refused_in_three_ways() {
    for (state, said) in [
        (CapabilityState::Unsupported, "this kernel does not have"),
        (
            CapabilityState::RefusedByPolicy,
            "this host does not permit",
        ),
        (
            CapabilityState::Unknown,
            "it could not be found out whether this host has",
        ),
    ] {
        let mut inventory = inventory();
        let reason = "bpf() said no".to_owned();
        inventory
            .capabilities
            .insert(Mechanism::TcxLoss, Capability { state, reason });
        let expected = format!(
            "net.loss: {said} `tcx`, which net.loss needs here: bpf() said no\n\
             hint: `temblor doctor` says what this host can do"
        );
        check_refused(&inventory, "net.loss netns:blue", 3, &expected);
    }
    let mut inventory = inventory();
    inventory.capabilities.remove(&Mechanism::ForkTracking);
    check_refused(
        &inventory,
        "sock.error pid:200",
        3,
        "sock.error: it could not be found out whether this host has `fork-tracking`, which \
         sock.error needs here: it was not tried\nhint: `temblor doctor` says what this host can do",
    );
    plan(&inventory, &spec("sock.error cgroup:/redis")).unwrap();
}

#[test]
fn a_command_is_planned_before_it_runs() {
    let command = |text: &str| {
        let mut spec = spec(text);
        spec.target = Selector::Command(vec!["redis-server".to_owned()]);
        plan(&inventory(), &spec).map_err(|refusal| refusal.to_string())
    };
    let delay = command("net.delay pid:1").unwrap();
    assert_eq!(delay.select.cgroup.unwrap().path, "/new");
    assert_eq!(
        hooks(&command("sock.error pid:1").unwrap()),
        ["connect in cgroup /new"]
    );
    let freeze = command("process.freeze pid:1").unwrap();
    assert_eq!(hooks(&freeze), ["/new in cgroup v2"]);
    assert!(
        freeze
            .to_string()
            .contains("who      the command, once it is started\n")
    );
    let mut without = inventory();
    without.command_cgroup = None;
    let mut spec = spec("net.loss pid:1");
    spec.target = Selector::Command(vec!["x".to_owned()]);
    assert_eq!(plan(&without, &spec).unwrap_err().exit_code(), 3);
}

#[test]
fn calls_of_a_command_are_met_by_its_filter_where_no_program_does() {
    let of = |text: &str, inventory: &Inventory| {
        let mut spec = spec(&format!("{text} pid:1"));
        spec.target = Selector::Command(vec!["redis-server".to_owned()]);
        plan(inventory, &spec).map_err(|refusal| refusal.to_string())
    };
    let made = of("syscall.error", &inventory()).unwrap();
    assert_eq!(made.mechanism, Mechanism::Seccomp);
    assert_eq!(made.mechanisms(), [Mechanism::Seccomp]);
    assert_eq!(hooks(&made), ["calls of the command in cgroup /new"]);
    assert_eq!(made.select.syscalls, [74]);

    let mut able = inventory();
    able.functions = ["__x64_sys_fsync".to_owned()].into();
    let made = of("syscall.error", &able).unwrap();
    assert_eq!(made.mechanism, Mechanism::SyscallReturn);

    let only = "seccomp: only for a command that Temblor starts: `-- COMMAND`)";
    let refusal = plan(&inventory(), &spec("syscall.error pid:200")).unwrap_err();
    assert!(refusal.reason.ends_with(only), "{refusal:?}");
    let mut without = inventory();
    without.capabilities.remove(&Mechanism::Seccomp);
    let refused = of("syscall.error", &without).unwrap_err();
    assert!(refused.ends_with("seccomp: it was not tried)"), "{refused}");
}

mod conflicts {
    use super::*;

    fn armed(text: &str) -> Inventory {
        let mut inventory = inventory();
        let plan = plan(&inventory, &spec(text)).unwrap();
        inventory.armed.push(ArmedFault {
            id: "f7".to_owned(),
            kind: plan.kind,
            owner: Some("alice".to_owned()),
            hooks: plan.hooks,
            select: plan.select,
        });
        inventory
    }

    fn conflict(first: &str, second: &str) {
        let inventory = armed(first);
        let kind = spec(second).kind();
        let expected = format!(
            "{kind} already acts there: fault f7 of alice\n\
             hint: wait until it ends, or end it with `temblor stop f7`"
        );
        check_refused(&inventory, second, 3, &expected);
    }

    fn side_by_side(first: &str, second: &str) {
        plan(&armed(first), &spec(second))
            .map_err(|refusal| refusal.to_string())
            .unwrap();
    }

    #[test]
    fn the_same_thing_twice_is_refused() {
        for text in [
            "sock.error cgroup:/redis",
            "sock.error pid:200",
            "process.freeze cgroup:/redis",
        ] {
            conflict(text, text);
        }
    }

    #[test]
    fn what_a_fault_has_frozen_is_refused_by_its_name() {
        let mut inventory = armed("process.freeze cgroup:/redis");
        for cgroup in &mut inventory.cgroups {
            cgroup.frozen = true;
        }
        let refusal = plan(&inventory, &spec("process.freeze cgroup:/redis")).unwrap_err();
        let said = refusal.to_string();
        assert!(said.contains("fault f7 of alice"), "{said}");
    }

    #[test]
    fn overlapping_targets_are_refused() {
        conflict(
            "process.freeze cgroup:/spread",
            "process.freeze cgroup:/spread/a",
        );
        conflict("sock.error cgroup:/redis", "sock.error pid:200 ports=80");
        conflict(
            "sock.error cgroup:/redis ports=80-90",
            "sock.error cgroup:/redis ports=85",
        );
        conflict(
            "sock.error cgroup:/redis peers=10.0.0.0/8",
            "sock.error cgroup:/redis peers=10.1.2.3",
        );
    }

    #[test]
    fn faults_of_packets_compose() {
        for text in [
            "net.loss netns:blue",
            "net.delay cgroup:/redis",
            "net.rate netns:blue",
            "net.corrupt netns:blue",
            "net.duplicate netns:blue",
            "net.partition netns:blue",
        ] {
            side_by_side(text, text);
        }
        side_by_side("net.loss cgroup:/spread", "net.delay cgroup:/spread/a");
    }

    #[test]
    fn a_fault_without_a_label_has_an_owner_too() {
        let mut inventory = armed("process.freeze cgroup:/redis");
        inventory.armed[0].owner = None;
        check_refused(
            &inventory,
            "process.freeze cgroup:/redis",
            3,
            "process.freeze already acts there: fault f7 of somebody without a label\n\
             hint: wait until it ends, or end it with `temblor stop f7`",
        );
    }

    #[test]
    fn what_never_meets_goes_side_by_side() {
        side_by_side("net.loss netns:blue", "sock.error cgroup:/redis");
        side_by_side("sock.error cgroup:/redis", "sock.error cgroup:/spread");
        side_by_side(
            "sock.error cgroup:/redis ports=80",
            "sock.error cgroup:/redis ports=81",
        );
        side_by_side(
            "sock.error cgroup:/redis peers=::1",
            "sock.error cgroup:/redis peers=10.0.0.1",
        );
        side_by_side("sock.error pid:200", "sock.error pid:300");
        side_by_side(
            "sock.error cgroup:/redis",
            "sock.error cgroup:/redis operation=bind",
        );
        side_by_side(
            "process.freeze cgroup:/spread/a",
            "process.freeze cgroup:/redis",
        );
    }

    #[test]
    fn a_process_meets_the_fault_of_a_cgroup_only_if_it_is_in_there() {
        // It is in the root cgroup, so that its fault stands above every other.
        let outsider = "sock.error pid:400";
        for cgroup in ["sock.error cgroup:/redis", "sock.error cgroup:/spread"] {
            side_by_side(outsider, cgroup);
            side_by_side(cgroup, outsider);
        }
        // In two cgroups, of which one is the other fault's.
        conflict("sock.error pid:500", "sock.error cgroup:/spread/a");
        conflict("sock.error cgroup:/spread/a", "sock.error pid:500");
        side_by_side("sock.error pid:501", "sock.error cgroup:/spread/a");
        side_by_side("sock.error cgroup:/spread/a", "sock.error pid:501");
        side_by_side(
            "sock.error pid:500 operation=bind",
            "sock.error cgroup:/spread/a",
        );
    }

    #[test]
    fn a_process_that_moved_after_arming_meets_the_fault_of_its_new_cgroup() {
        let mut inventory = armed("sock.error pid:400");
        for cgroup in &mut inventory.cgroups {
            if cgroup.path == "/redis" {
                cgroup.members = vec![401];
            }
        }
        let refusal = plan(&inventory, &spec("sock.error cgroup:/redis")).unwrap_err();
        assert!(refusal.reason.contains("already acts there"), "{refusal}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let target = "pid:(1|100|200|300|400|500|600|999)\
        |cgroup:/(redis|shared|spread|spread/a|icy|app|twin|limited|empty|ssh|user|none)?\
        |netns:(blue|green|red|1|400)|iface:(lo|eth0|tun0|down0)(@blue|@green)?";
    let kind = proptest::sample::select(Kind::ALL).prop_map(Kind::name);
    (kind, target, any::<bool>())
        .prop_map(|(kind, target, all)| format!("{kind} {target} all={all}"))
}

/// The parameters of [`spec`] as an experiment's provider has them, from line 5 on.
fn in_a_file(text: &str) -> FaultSpec {
    let flags = spec(text);
    let place = Place::file(Some("x.yaml"))
        .key("method")
        .index(2)
        .key("provider");
    let given = flags.to_params().into_iter().zip(5..);
    let given: BTreeMap<_, _> = given
        .map(|((name, text), line)| {
            let place = place.key(&name).at(line, 9);
            (name, Given { text, place })
        })
        .collect();
    parse(flags.kind(), &given).unwrap()
}

/// Hosts that lack one thing each.
fn poorer(inventory: &Inventory) -> Vec<Inventory> {
    let spoil: [fn(&mut Inventory); 8] = [
        |_| {},
        |host| host.capabilities.clear(),
        |host| host.namespaces.clear(),
        |host| host.cgroups.clear(),
        |host| host.command_cgroup = None,
        |host| {
            host.namespaces
                .iter_mut()
                .for_each(|space| space.interfaces.clear());
        },
        |host| {
            host.processes
                .iter_mut()
                .for_each(|process| process.cgroup_v2 = None);
        },
        |host| {
            let mut interfaces = host
                .namespaces
                .iter_mut()
                .flat_map(|space| &mut space.interfaces);
            interfaces.next().unwrap().up = false;
            interfaces.for_each(|interface| interface.up = false);
        },
    ];
    let spoiled = |spoil: &fn(&mut Inventory)| {
        let mut host = inventory.clone();
        spoil(&mut host);
        host
    };
    spoil.iter().map(spoiled).collect()
}

#[test]
fn a_refusal_names_the_line_of_the_parameter_that_is_to_blame() {
    let spec = in_a_file("net.loss pid:9999");
    let refusal = plan(&inventory(), &spec).unwrap_err();
    assert_eq!(
        refusal.at(&spec).render(),
        "x.yaml:6:9: method[2].provider.target: there is no process 9999\n\
         hint: `temblor targets` lists what there is"
    );
    let spec = in_a_file("net.delay cgroup:/redis direction=in protocol=icmp");
    let refusal = plan(&inventory(), &spec).unwrap_err();
    let place = refusal.at(&spec).place.to_string();
    assert_eq!(place, "x.yaml:8:9: method[2].provider.protocol");
}

proptest! {
    #[test]
    fn every_refusal_has_a_place_and_a_hint(text in any_text(), more in " direction=(in|out)| ports=80|") {
        let more = if text.starts_with("net") { more } else { String::new() };
        let text = text + &more;
        for host in poorer(&inventory()) {
            for spec in [spec(&text), in_a_file(&text)] {
                let Err(refusal) = plan(&host, &spec) else { continue };
                let Problem { place, message, hint } = refusal.at(&spec);
                let kind = spec.kind().name();
                let flag = place.file.is_none() && (place.path.starts_with("--") || place.path == kind);
                let line = place.line.is_some() && place.path.starts_with("method[2].provider.");
                prop_assert!(flag || line, "{place}: {message}");
                prop_assert!(!message.is_empty() && hint.is_some_and(|hint| !hint.is_empty()));
            }
        }
    }

    #[test]
    fn no_plan_reaches_beyond_its_target(text in any_text()) {
        let inventory = inventory();
        let spec = spec(&text);
        let Ok(made) = plan(&inventory, &spec) else { return Ok(()); };
        prop_assert_eq!(&plan(&inventory, &spec), &Ok(made.clone()));
        prop_assert!(!made.hooks.is_empty());
        let targets: Vec<i32> = made.who.iter().filter_map(|who| match who {
            Who::Process { pid, .. } => Some(*pid),
            Who::Interface { .. } => None,
        }).collect();
        prop_assert!(targets.iter().all(|pid| *pid >= 200));
        for hook in &made.hooks {
            match hook {
                Hook::Tcx { netns_inode, .. } => {
                    let mut members = inventory.namespaces.iter()
                        .find(|namespace| namespace.inode == *netns_inode)
                        .and_then(|namespace| namespace.members.clone()).unwrap().into_iter();
                    prop_assert!(targets.is_empty() || made.select.cgroup.is_some()
                        || made.select.thread_groups == targets
                        || members.all(|pid| targets.contains(&pid)));
                }
                Hook::Freezer {
                    hierarchy, path, ..
                }
                | Hook::Setting {
                    hierarchy, path, ..
                } => {
                    let cgroup = inventory.cgroups.iter()
                        .find(|cgroup| cgroup.path == *path && cgroup.hierarchy == *hierarchy);
                    prop_assert_eq!(&cgroup.unwrap().members, &targets);
                }
                Hook::Members { hierarchy, path } => {
                    let cgroup = inventory.cgroups.iter()
                        .find(|cgroup| cgroup.path == *path && cgroup.hierarchy == *hierarchy);
                    let members = &cgroup.unwrap().members;
                    prop_assert!(members.iter().all(|pid| targets.contains(pid)));
                }
                Hook::Family { pid, .. } => prop_assert!(targets.contains(pid)),
                Hook::Workers { place: None, .. } => prop_assert!(targets.is_empty()),
                Hook::Workers { place: Some(place), .. } => {
                    let cgroup = inventory.cgroups.iter().find(|cgroup| {
                        cgroup.path == place.path && cgroup.hierarchy == place.hierarchy
                    });
                    let members = &cgroup.unwrap().members;
                    prop_assert!(members.iter().all(|pid| targets.contains(pid)));
                }
                Hook::Cgroup { path, .. } => {
                    let members = inventory.cgroups.iter()
                        .find(|cgroup| cgroup.path == *path && cgroup.hierarchy == Hierarchy::V2)
                        .map(|cgroup| cgroup.members.clone());
                    prop_assert!(made.select.thread_groups == targets
                        || members.as_ref() == Some(&targets));
                }
                Hook::Sockets { .. } => prop_assert_eq!(&made.select.thread_groups, &targets),
                Hook::Function { .. }
                | Hook::Exit { .. }
                | Hook::Instructions { .. }
                | Hook::Filter { .. } => prop_assert!(
                    made.select.cgroup.is_some() || made.select.thread_groups == targets
                ),
            }
        }
    }
}
