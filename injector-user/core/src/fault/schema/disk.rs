//! The parameters of faults of disks.

use super::table::{Param, ValueType, optional, required};
use crate::fault::disk::Operation;
use crate::fault::kind::Kind;

const DISK: &[Kind] = &[
    Kind::DiskError,
    Kind::DiskFull,
    Kind::DiskReadonly,
    Kind::DiskSlow,
];
const SOME: &[Kind] = &[Kind::DiskError, Kind::DiskSlow];
const ERROR: &[Kind] = &[Kind::DiskError];
const FULL: &[Kind] = &[Kind::DiskFull];

pub(super) const DISK_ROWS: [Param; 5] = [
    required(
        "path",
        ValueType::Path,
        DISK,
        [
            "/var/lib/redis/",
            "absolute: a file, a directory and all below it with a / at its end, or a pattern with *, ?, \
             [abc], {a,b} and **",
            "what is on that disk; with a rate, one file or directory, and all that is on its disk suffers",
        ],
    ),
    optional(
        "operation",
        ValueType::Words(Operation::NAMES),
        SOME,
        None,
        [
            "sync",
            "one or more, by comma; without it, read, write and sync as far as they can be met",
            "what suffers",
        ],
    ),
    optional(
        "errno",
        ValueType::Errors,
        ERROR,
        Some("EIO"),
        [
            "EIO:3,ETIMEDOUT",
            "a name or number of Linux, 1 to 133, or at most 16 of them with weights from 1 to 1000, \
             by comma",
            "the error the caller gets",
        ],
    ),
    optional(
        "after",
        ValueType::Size,
        FULL,
        Some("0b"),
        [
            "64MiB",
            "b, KiB, MiB or GiB",
            "how many bytes can be written before, as callers ask for; the call that passes them fails whole",
        ],
    ),
    optional(
        "errno",
        ValueType::Word(&["ENOSPC", "EDQUOT"]),
        FULL,
        Some("ENOSPC"),
        [
            "EDQUOT",
            "no room, or none for this user",
            "the error the caller gets",
        ],
    ),
];
