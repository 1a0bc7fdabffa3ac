//! The parameters of faults that are made of system calls which suffer.

use super::table::{Param, ValueType, optional, required};
use crate::fault::kind::Kind;
use crate::fault::syscall::{Backend, FdKind, Moment};

const SYSCALL: &[Kind] = &[Kind::SyscallError];
const DELAY: &[Kind] = &[Kind::SyscallDelay];
const SLOW: &[Kind] = &[Kind::SyscallDelay, Kind::DiskSlow];
const DISK: &[Kind] = &[Kind::DiskSlow];
/// Those in which calls are named.
const NAMED: &[Kind] = &[Kind::SyscallError, Kind::SyscallDelay, Kind::ProcessCrash];
const WITH_SIZE: &[Kind] = &[
    Kind::SyscallError,
    Kind::SyscallDelay,
    Kind::ProcessCrash,
    Kind::MemoryError,
];
const CALLS: &[Kind] = &[
    Kind::SyscallError,
    Kind::SyscallDelay,
    Kind::ProcessCrash,
    Kind::ProcessFdLimit,
    Kind::ProcessForkError,
    Kind::MemoryError,
    Kind::DiskError,
    Kind::DiskFull,
    Kind::DiskReadonly,
    Kind::DiskSlow,
];

pub(super) const SYSCALL_ROWS: [Param; 13] = [
    required(
        "syscalls",
        ValueType::Syscalls,
        NAMED,
        [
            "write,fsync",
            "as strace writes them: names, numbers, classes such as %file, /REGEX, ?NAME, all; ! in \
             front negates; in YAML in quotes",
            "which system calls suffer",
        ],
    ),
    optional(
        "errno",
        ValueType::Errors,
        SYSCALL,
        None,
        [
            "EIO:3,ENOSPC:1",
            "a name or number of Linux, 1 to 133, or at most 16 of them with weights from 1 to 1000, \
             by comma",
            "the error the caller gets; this, `retval` or `short` must be given",
        ],
    ),
    optional(
        "retval",
        ValueType::Returned,
        SYSCALL,
        None,
        [
            "requested",
            "0 to 2147483647, or requested: as many bytes as were asked for",
            "what the caller gets as if the call had been made, which it is not",
        ],
    ),
    optional(
        "path",
        ValueType::Path,
        NAMED,
        None,
        [
            "/var/lib/redis/",
            "absolute: a file, a directory and all below it with a / at its end, or a pattern with *, ?, \
             [abc], {a,b} and **",
            "only calls about these files, by path or descriptor",
        ],
    ),
    optional(
        "fd",
        ValueType::Words(FdKind::NAMES),
        NAMED,
        None,
        [
            "file",
            "one or more, by comma",
            "only calls on descriptors of these kinds",
        ],
    ),
    optional(
        "size",
        ValueType::Sizes,
        WITH_SIZE,
        None,
        [
            "4KiB..",
            "LEAST..MOST, either may be left out, or one size; in bytes if there is no unit",
            "only calls about so many bytes",
        ],
    ),
    optional(
        "backend",
        ValueType::Word(Backend::NAMES),
        CALLS,
        None,
        [
            "kprobe",
            "`temblor doctor` says which there are",
            "by what means calls are met; without it, the best there is",
        ],
    ),
    optional(
        "short",
        ValueType::Probability,
        SYSCALL,
        None,
        [
            "50%",
            "more than 0 and less than 1, or in percent",
            "the call is made for this share of its bytes, of one at least; by uprobe or seccomp",
        ],
    ),
    required(
        "latency",
        ValueType::Duration,
        DELAY,
        [
            "20ms",
            "10us to 30s, at most `cap`",
            "how much longer a call takes",
        ],
    ),
    optional(
        "latency",
        ValueType::Duration,
        DISK,
        None,
        [
            "20ms",
            "10us to 30s, at most `cap`; this or a rate must be given",
            "how much longer a call takes",
        ],
    ),
    optional(
        "cap",
        ValueType::Duration,
        SLOW,
        Some("5s"),
        [
            "500ms",
            "10us to 30s",
            "the longest that a call waits, however its latency varies",
        ],
    ),
    optional(
        "moment",
        ValueType::Word(Moment::NAMES),
        DELAY,
        Some("before"),
        [
            "before",
            "`temblor doctor` says which there are",
            "whether the call has been made when its caller sleeps",
        ],
    ),
    optional(
        "moment",
        ValueType::Word(Moment::NAMES),
        DISK,
        None,
        [
            "after",
            "`temblor doctor` says which there are; without it, whichever there is, before if both",
            "whether the call has been made when its caller sleeps",
        ],
    ),
];
