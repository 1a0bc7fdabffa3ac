//! The parameters that every fault has.

use super::table::{ALL, Param, ValueType, optional, required};
use crate::fault::kind::Kind;

/// What has to be given comes first.
pub(super) const FIRST_ROWS: [Param; 2] = [
    required(
        "target",
        ValueType::Target,
        ALL,
        [
            "cgroup:/web",
            "pid:N, cgroup:/PATH, container:NAME, unit:NAME, comm:NAME, exe:/PATH, user:NAME, \
             netns:NAME, iface:NAME[@NETNS], host; ~REGEX for the NAME of a container, unit, comm or exe",
            "who suffers",
        ],
    ),
    required(
        "duration",
        ValueType::Duration,
        ALL,
        [
            "60s",
            "1ms to 1h, to 720h with `long`",
            "how long it lasts, from the end of `delay` on",
        ],
    ),
];

/// Those whose events come one after the other. Pressure has one for each cgroup.
#[rustfmt::skip]
const COUNTED: &[Kind] = &[
    Kind::NetLoss, Kind::NetDelay, Kind::NetDuplicate, Kind::NetCorrupt, Kind::NetRate,
    Kind::NetPartition, Kind::SockError, Kind::ProcessFreeze, Kind::ProcessSignal,
    Kind::SyscallError, Kind::SyscallDelay, Kind::ProcessCrash, Kind::ProcessFdLimit,
    Kind::ProcessForkError, Kind::MemoryError, Kind::DiskError, Kind::DiskFull, Kind::DiskReadonly,
    Kind::DiskSlow, Kind::CpuLimit, Kind::MemoryLimit,
];

pub(super) const COMMON_ROWS: [Param; 9] = [
    optional(
        "probability",
        ValueType::Probability,
        ALL,
        Some("1"),
        [
            "10%",
            "0 to 1, or in percent",
            "the chance of each matching event (packet, call, pulse, signal; cgroup under pressure) to suffer",
        ],
    ),
    optional(
        "when",
        ValueType::When,
        COUNTED,
        Some("1+"),
        [
            "2..5",
            "FIRST[..LAST][+STEP], 1 to 65535",
            "which matching events may suffer, by number, as in strace",
        ],
    ),
    optional(
        "max_hits",
        ValueType::Count(1),
        ALL,
        None,
        ["100", "at least 1", "how many events may suffer in all"],
    ),
    optional(
        "seed",
        ValueType::Count(0),
        ALL,
        None,
        [
            "42",
            "64 bits",
            "makes the draws repeatable; drawn and printed if not given",
        ],
    ),
    optional(
        "delay",
        ValueType::Duration,
        ALL,
        Some("0s"),
        ["5s", "0s to 1h", "how long to wait before it begins"],
    ),
    optional(
        "owner",
        ValueType::Label,
        ALL,
        None,
        [
            "game-day-7",
            "1 to 64 letters, digits, . _ - @ / :",
            "a label to see and to stop it by",
        ],
    ),
    optional(
        "all",
        ValueType::Flag,
        ALL,
        Some("false"),
        [
            "true",
            "true or false",
            "accept a target that matches more than one thing",
        ],
    ),
    optional(
        "allow_lockout",
        ValueType::Flag,
        ALL,
        Some("false"),
        [
            "true",
            "true or false",
            "do not spare your own connection and the services that keep the host reachable",
        ],
    ),
    optional(
        "long",
        ValueType::Flag,
        ALL,
        Some("false"),
        ["true", "true or false", "accept a duration above 1h"],
    ),
];
