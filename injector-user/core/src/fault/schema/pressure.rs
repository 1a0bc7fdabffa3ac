//! The parameters of faults that use things up.

use super::table::{Param, ValueType, optional, required};
use crate::fault::kind::Kind;
use crate::fault::pressure::{Operations, Pattern};

const CPU: &[Kind] = &[Kind::CpuStress];
const MEMORY: &[Kind] = &[Kind::MemoryStress];
const DISK: &[Kind] = &[Kind::DiskStress];
const FILL: &[Kind] = &[Kind::DiskFill];
const FOLDERS: &[Kind] = &[Kind::DiskStress, Kind::DiskFill];

pub(super) const PRESSURE_ROWS: [Param; 16] = [
    optional(
        "workers",
        ValueType::Count(1),
        CPU,
        None,
        [
            "2",
            "1 to 1024; without it, one for each processor that is online",
            "how many calculate at the same time",
        ],
    ),
    optional(
        "load",
        ValueType::Percent,
        CPU,
        Some("100%"),
        [
            "50%",
            "0.01% to 100% of one processor",
            "how much of its time each worker calculates, as far as it gets the processor",
        ],
    ),
    required(
        "path",
        ValueType::Path,
        FOLDERS,
        [
            "/var/lib/redis",
            "absolute: a folder, as the target sees it",
            "where the file without a name is made; all who use its file system suffer",
        ],
    ),
    optional(
        "size",
        ValueType::Size,
        MEMORY,
        None,
        [
            "512MiB",
            "b, KiB, MiB or GiB; this or `percent` is needed",
            "how much memory is held",
        ],
    ),
    optional(
        "percent",
        ValueType::Percent,
        MEMORY,
        None,
        [
            "50%",
            "0.01% to 100% of what is available when it is planned: to the target's cgroup where that \
             has a limit, else to the host",
            "the same as a share",
        ],
    ),
    optional(
        "ramp",
        ValueType::Duration,
        MEMORY,
        Some("0s"),
        [
            "10s",
            "0s to 1h",
            "how long it takes, evenly, until all of it is held",
        ],
    ),
    optional(
        "pattern",
        ValueType::Word(Pattern::NAMES),
        MEMORY,
        Some("random"),
        [
            "ones",
            "random cannot be compressed or merged",
            "what the memory is filled with",
        ],
    ),
    optional(
        "oom_score",
        ValueType::Adjustment,
        MEMORY,
        None,
        [
            "-500",
            "-1000 to 1000; without it, 0",
            "`oom_score_adj` of the worker: with a low one the kernel kills others first",
        ],
    ),
    optional(
        "size",
        ValueType::Size,
        FILL,
        None,
        [
            "10GiB",
            "b, KiB, MiB or GiB; this, `percent` or `left` is needed",
            "how much room is taken",
        ],
    ),
    optional(
        "percent",
        ValueType::Percent,
        FILL,
        None,
        [
            "95%",
            "0.01% to 100%, as `df` shows it",
            "until how much of the file system is in use",
        ],
    ),
    optional(
        "left",
        ValueType::Size,
        FILL,
        None,
        [
            "100MiB",
            "b, KiB, MiB or GiB",
            "until how much is left to those who are not root; what only root may use is never taken",
        ],
    ),
    optional(
        "workers",
        ValueType::Count(1),
        DISK,
        Some("1"),
        ["4", "1 to 1024", "how many read and write at the same time"],
    ),
    optional(
        "operations",
        ValueType::Word(Operations::NAMES),
        DISK,
        Some("both"),
        [
            "write",
            "at random places; both by turns",
            "what they do, past the page cache where the file system can; each write is synced",
        ],
    ),
    optional(
        "block",
        ValueType::Size,
        DISK,
        Some("4KiB"),
        [
            "64KiB",
            "512b to 16MiB, a multiple of 512b",
            "how much one operation reads or writes",
        ],
    ),
    optional(
        "size",
        ValueType::Size,
        DISK,
        Some("64MiB"),
        [
            "1GiB",
            "b, KiB, MiB or GiB; a block for each worker at least",
            "how large the file is that they share",
        ],
    ),
    optional(
        "rate",
        ValueType::Size,
        DISK,
        None,
        [
            "10MiB",
            "b, KiB, MiB or GiB in a second; without it, as much as the disk does",
            "how much all of them read and write together",
        ],
    ),
];
