//! The parameters of faults that narrow what a cgroup may use.

use super::table::{Param, ValueType, optional, required};
use crate::fault::kind::Kind;
use crate::fault::limit::How;

const CPU: &[Kind] = &[Kind::CpuLimit];
const MEMORY: &[Kind] = &[Kind::MemoryLimit];
const DISK: &[Kind] = &[Kind::DiskSlow];
const LIMITS: &[Kind] = &[Kind::CpuLimit, Kind::MemoryLimit, Kind::DiskSlow];

pub(super) const LIMIT_ROWS: [Param; 12] = [
    required(
        "quota",
        ValueType::CpuShare,
        CPU,
        [
            "20%",
            "percent of one processor, more than 0% to 1000000%; at least 1ms of each `period`",
            "how much processor time the cgroup may use, all its processes together",
        ],
    ),
    optional(
        "period",
        ValueType::Duration,
        CPU,
        None,
        [
            "100ms",
            "1ms to 1s; in cgroup v1 only the one that the cgroup has",
            "in which time the quota is used up and given anew; without it, as the cgroup has it (100ms)",
        ],
    ),
    required(
        "size",
        ValueType::Size,
        MEMORY,
        [
            "256MiB",
            "b, KiB, MiB or GiB; at least 4KiB, rounded down to whole pages",
            "how much memory the cgroup may use, all its processes together",
        ],
    ),
    optional(
        "how",
        ValueType::Word(How::NAMES),
        MEMORY,
        Some("throttle"),
        [
            "kill",
            "throttle (memory.high, cgroup v2 only) or kill (memory.max; memory.limit_in_bytes)",
            "what becomes of who wants more: it waits while pages are taken back, or the OOM killer \
             ends processes of the cgroup",
        ],
    ),
    optional(
        "allow_kill",
        ValueType::Flag,
        MEMORY,
        Some("false"),
        [
            "true",
            "true or false; only with `how: kill`",
            "accept a size below what cannot be taken back, so that processes are ended at once",
        ],
    ),
    optional(
        "read_bps",
        ValueType::Size,
        DISK,
        None,
        [
            "10MiB",
            "b, KiB, MiB or GiB, 4KiB to 1024GiB; not with `latency`",
            "how many bytes the cgroup may read each second from the disk that holds `path`, all its processes \
             together",
        ],
    ),
    optional(
        "write_bps",
        ValueType::Size,
        DISK,
        None,
        [
            "10MiB",
            "b, KiB, MiB or GiB, 4KiB to 1024GiB; not with `latency`",
            "how many bytes it may write there each second",
        ],
    ),
    optional(
        "read_iops",
        ValueType::Count(1),
        DISK,
        None,
        [
            "100",
            "1 to 4294967294; not with `latency`",
            "how many times it may read there each second",
        ],
    ),
    optional(
        "write_iops",
        ValueType::Count(1),
        DISK,
        None,
        [
            "100",
            "1 to 4294967294; not with `latency`",
            "how many times it may write there each second",
        ],
    ),
    optional(
        "active",
        ValueType::Duration,
        LIMITS,
        None,
        [
            "5s",
            "1ms to 1h, at most `duration`; of disk.slow only with a rate",
            "how long a pulse keeps the limit; without it, one pulse as long as `duration`",
        ],
    ),
    optional(
        "dormant",
        ValueType::Duration,
        LIMITS,
        None,
        [
            "5s",
            "1ms to 1h, needed with `active` unless `count` is 1",
            "how long there is no limit between pulses",
        ],
    ),
    optional(
        "count",
        ValueType::Count(1),
        LIMITS,
        None,
        [
            "5",
            "1 to 4294967295, with `active`",
            "how many pulses; without it, until `duration` is over",
        ],
    ),
];
