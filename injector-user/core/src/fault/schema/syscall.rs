//! The parameters that only `syscall.error` has.

use super::table::{Param, ValueType, optional, required};
use crate::fault::kind::Kind;
use crate::fault::syscall::{Backend, FdKind};

const SYSCALL: &[Kind] = &[Kind::SyscallError];

pub(super) const SYSCALL_ROWS: [Param; 7] = [
    required(
        "syscalls",
        ValueType::Syscalls,
        SYSCALL,
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
            "the error the caller gets; this or `retval` must be given",
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
        SYSCALL,
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
        SYSCALL,
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
        SYSCALL,
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
        SYSCALL,
        None,
        [
            "kprobe",
            "`temblor doctor` says which there are",
            "by what means calls are made to fail; without it, the best there is",
        ],
    ),
];
