//! Every metric that an observer makes: the one list, from which the reference is generated.

use super::metric::{Label, Metric, MetricKind, Unit};
use super::signal::Signal;

const TARGET: Label = Label {
    name: "target",
    help: "the selector as it was asked for, `host`, or `cgroup:/PATH` for one of the busiest cgroups",
};
const SYSCALL: Label = Label {
    name: "syscall",
    help: "its name, or its number if it has none here; at most 512",
};
const ERRNO: Label = Label {
    name: "errno",
    help: "the name of the error; at most 511",
};
const REASON: Label = Label {
    name: "reason",
    help: "`no-row`, `no-count` and `no-edge`: there are more different things than there is room for; \
           `not-parked` and `not-timed`: too many wait; `missed`: a program was at work on that processor \
           already, for whomever; `foreign`: 32-bit code; `no-class`: more cgroups than can be told apart",
};

const DIRECTION: Label = Label {
    name: "direction",
    help: "`sent` or `received`",
};
const OPERATION: Label = Label {
    name: "operation",
    help: "`read`, `write` or `flush`",
};
const STATUS: Label = Label {
    name: "status",
    help: "the kernel's word for what went wrong, such as `ioerr`",
};
const CODE: Label = Label {
    name: "code",
    help: "0 to 255; 0 where a signal ended it",
};
const SIGNAL: Label = Label {
    name: "signal",
    help: "the name of the signal that ended it, or `none`",
};
const RCODE: Label = Label {
    name: "rcode",
    help: "its name as `dig` prints it, such as `NXDOMAIN`",
};
const EVENT: Label = Label {
    name: "event",
    help: "as in `memory.events` of cgroup v2: `low`, `high`, `max`, `oom`, `oom_kill`; elsewhere `oom_kill` alone",
};
const RESOURCE: Label = Label {
    name: "resource",
    help: "`cpu`, `memory` or `io`",
};
const TASKS: Label = Label {
    name: "tasks",
    help: "`some` or `full`: at least one stood still, or all that were not idle",
};
/// Of an edge; there are at most 4096 at once, and what has no room is counted.
const EDGE: &[Label] = &[
    TARGET,
    Label {
        name: "role",
        help: "of the target: `client` or `server`; of UDP whoever has the lower port is the server",
    },
    Label {
        name: "peer",
        help: "address of the other end",
    },
    Label {
        name: "port",
        help: "of the server, whichever end that is",
    },
];

/// In the order of the reference.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "target_present",
        help: "Whether the target is there now: 1, or 0 while it is not",
        kind: MetricKind::Gauge,
        unit: Unit::None,
        signal: None,
        labels: &[TARGET],
    },
    Metric {
        name: "target_restarts",
        help: "How often the target was somebody else than when it was last seen: none of its cgroups, or \
               processes, of before were there, and others were",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: None,
        labels: &[TARGET],
    },
    Metric {
        name: "observer_lost",
        help: "Events that were not observed although they should have been, by reason",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: None,
        labels: &[REASON],
    },
    Metric {
        name: "syscalls",
        help: "System calls that have ended",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Syscalls),
        labels: &[TARGET, SYSCALL],
    },
    Metric {
        name: "syscall_errors",
        help: "System calls that have failed, by error",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Syscalls),
        labels: &[TARGET, SYSCALL, ERRNO],
    },
    Metric {
        name: "syscall_duration",
        help: "How long system calls took, waiting included",
        kind: MetricKind::Histogram,
        unit: Unit::Seconds,
        signal: Some(Signal::Syscalls),
        labels: &[TARGET, SYSCALL],
    },
    Metric {
        name: "syscall_moved",
        help: "Bytes that system calls have read, written, sent or received",
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        signal: Some(Signal::Syscalls),
        labels: &[TARGET, SYSCALL],
    },
    Metric {
        name: "tcp_connect_duration",
        help: "How long it took to have a TCP connection, or to be refused it",
        kind: MetricKind::Histogram,
        unit: Unit::Seconds,
        signal: Some(Signal::Tcp),
        labels: &[TARGET],
    },
    Metric {
        name: "tcp_connects",
        help: "TCP connections that were asked for and made or refused",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Tcp),
        labels: &[TARGET],
    },
    Metric {
        name: "tcp_connect_errors",
        help: "TCP connections that were asked for and not made, by error",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Tcp),
        labels: &[TARGET, ERRNO],
    },
    Metric {
        name: "tcp_accepts",
        help: "TCP connections that others have asked for and got",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Tcp),
        labels: &[TARGET],
    },
    Metric {
        name: "tcp_retransmits",
        help: "TCP segments that were sent again",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Tcp),
        labels: &[TARGET],
    },
    Metric {
        name: "tcp_resets",
        help: "TCP resets; those sent without a socket, as for a closed port, are the host's, where the kernel tells of them",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Tcp),
        labels: &[TARGET, DIRECTION],
    },
    Metric {
        name: "tcp_edge_connections",
        help: "Connections made between the target and a peer",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Tcp),
        labels: EDGE,
    },
    Metric {
        name: "tcp_edge_failures",
        help: "Connections that were asked for between the target and a peer and not made",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Tcp),
        labels: EDGE,
    },
    Metric {
        name: "tcp_edge_sent",
        help: "Bytes that the target sent to the peer, each once",
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        signal: Some(Signal::Tcp),
        labels: EDGE,
    },
    Metric {
        name: "tcp_edge_received",
        help: "Bytes that the target received from the peer",
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        signal: Some(Signal::Tcp),
        labels: EDGE,
    },
    Metric {
        name: "tcp_edge_retransmits",
        help: "Segments sent again to the peer",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Tcp),
        labels: EDGE,
    },
    Metric {
        name: "tcp_edge_round_trip",
        help: "Mean of the smoothed round trip whenever a connection had sent something",
        kind: MetricKind::Gauge,
        unit: Unit::Seconds,
        signal: Some(Signal::Tcp),
        labels: EDGE,
    },
    Metric {
        name: "udp_edge_packets",
        help: "Datagrams between the target and a peer, either way",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Udp),
        labels: EDGE,
    },
    Metric {
        name: "udp_edge_sent",
        help: "Bytes that the target sent to the peer in datagrams",
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        signal: Some(Signal::Udp),
        labels: EDGE,
    },
    Metric {
        name: "udp_edge_received",
        help: "Bytes that the target received from the peer in datagrams",
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        signal: Some(Signal::Udp),
        labels: EDGE,
    },
    Metric {
        name: "dns_questions",
        help: "Questions to name servers over UDP",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Dns),
        labels: &[TARGET],
    },
    Metric {
        name: "dns_answers",
        help: "Answers of name servers, by code",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Dns),
        labels: &[TARGET, RCODE],
    },
    Metric {
        name: "dns_duration",
        help: "How long name servers took to answer",
        kind: MetricKind::Histogram,
        unit: Unit::Seconds,
        signal: Some(Signal::Dns),
        labels: &[TARGET],
    },
    Metric {
        name: "block_duration",
        help: "How long requests to disks took, from being made to done",
        kind: MetricKind::Histogram,
        unit: Unit::Seconds,
        signal: Some(Signal::Block),
        labels: &[TARGET, OPERATION],
    },
    Metric {
        name: "block_moved",
        help: "Bytes that requests to disks have carried",
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        signal: Some(Signal::Block),
        labels: &[TARGET, OPERATION],
    },
    Metric {
        name: "block_errors",
        help: "Requests to disks that failed",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Block),
        labels: &[TARGET, OPERATION, STATUS],
    },
    Metric {
        name: "run_queue_wait",
        help: "How long tasks that could run waited for a processor",
        kind: MetricKind::Histogram,
        unit: Unit::Seconds,
        signal: Some(Signal::Scheduler),
        labels: &[TARGET],
    },
    Metric {
        name: "off_cpu",
        help: "How long tasks were away from any processor",
        kind: MetricKind::Histogram,
        unit: Unit::Seconds,
        signal: Some(Signal::Scheduler),
        labels: &[TARGET],
    },
    Metric {
        name: "execs",
        help: "Programs that were executed",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Life),
        labels: &[TARGET],
    },
    Metric {
        name: "exits",
        help: "Processes that have ended, by how",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Life),
        labels: &[TARGET, CODE, SIGNAL],
    },
    Metric {
        name: "oom_kills",
        help: "Processes that the kernel has killed for want of memory, also where their cgroup ended with them",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Life),
        labels: &[TARGET],
    },
    Metric {
        name: "processes",
        help: "Processes of the target now",
        kind: MetricKind::Gauge,
        unit: Unit::None,
        signal: Some(Signal::Resources),
        labels: &[TARGET],
    },
    Metric {
        name: "memory_used",
        help: "Memory that the target uses now: what its cgroups are charged, or what its processes have resident",
        kind: MetricKind::Gauge,
        unit: Unit::Bytes,
        signal: Some(Signal::Resources),
        labels: &[TARGET],
    },
    Metric {
        name: "memory_events",
        help: "What befell the target's cgroups for want of memory",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Resources),
        labels: &[TARGET, EVENT],
    },
    Metric {
        name: "major_faults",
        help: "Page faults that waited for a disk",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Resources),
        labels: &[TARGET],
    },
    Metric {
        name: "cpu_periods",
        help: "Periods of its quota in which the target's cgroups ran",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Resources),
        labels: &[TARGET],
    },
    Metric {
        name: "cpu_throttled_periods",
        help: "Those in which they were stopped as the quota was used up",
        kind: MetricKind::Counter,
        unit: Unit::None,
        signal: Some(Signal::Resources),
        labels: &[TARGET],
    },
    Metric {
        name: "cpu_throttled",
        help: "How long they were stopped for that, on all processors together",
        kind: MetricKind::Counter,
        unit: Unit::Seconds,
        signal: Some(Signal::Resources),
        labels: &[TARGET],
    },
    Metric {
        name: "pressure",
        help: "Share of the last ten seconds in which tasks of the target stood still for want of a resource, as the kernel tells it (PSI)",
        kind: MetricKind::Gauge,
        unit: Unit::Ratio,
        signal: Some(Signal::Resources),
        labels: &[TARGET, RESOURCE, TASKS],
    },
];
