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
    help: "`no-row` and `no-count`: there are more different things than there is room for; `not-parked`: \
           too many wait in calls; `foreign`: 32-bit code; `no-class`: more cgroups than can be told apart",
};

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
];
