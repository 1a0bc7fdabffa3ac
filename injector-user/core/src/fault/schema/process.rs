//! The parameters of faults of processes.

use super::table::{Param, ValueType, optional, required};
use crate::fault::kind::Kind;
use crate::fault::syscall::Moment;

const FREEZE: &[Kind] = &[Kind::ProcessFreeze];
const ROUNDS: &[Kind] = &[Kind::ProcessFreeze, Kind::ProcessSignal];
const SIGNAL: &[Kind] = &[Kind::ProcessSignal];
const CRASH: &[Kind] = &[Kind::ProcessCrash];

pub(super) const PROCESS_ROWS: [Param; 10] = [
    required(
        "active",
        ValueType::Duration,
        FREEZE,
        [
            "200ms",
            "1ms to 1h, at most `duration`",
            "how long a pulse keeps the processes frozen",
        ],
    ),
    optional(
        "dormant",
        ValueType::Duration,
        FREEZE,
        None,
        [
            "800ms",
            "1ms to 1h, needed unless `count` is 1",
            "how long the processes run between pulses",
        ],
    ),
    optional(
        "count",
        ValueType::Count(1),
        ROUNDS,
        None,
        [
            "5",
            "1 to 4294967295",
            "how many pulses or rounds; without it, until `duration` is over",
        ],
    ),
    required(
        "signal",
        ValueType::Signal,
        SIGNAL,
        [
            "SIGUSR1",
            "a name with or without SIG, or a number, 1 to 64",
            "what the processes are sent",
        ],
    ),
    optional(
        "interval",
        ValueType::Duration,
        SIGNAL,
        None,
        [
            "5s",
            "1ms to 1h, from one beginning to the next",
            "how often it is sent again; without it, once",
        ],
    ),
    optional(
        "stagger",
        ValueType::Duration,
        SIGNAL,
        Some("0s"),
        [
            "100ms",
            "0s to 1h",
            "how long to wait between one process and the next in a round",
        ],
    ),
    optional(
        "signal",
        ValueType::Signal,
        CRASH,
        Some("SIGKILL"),
        [
            "SIGSEGV",
            "a name with or without SIG, or a number, 1 to 64; none that stops",
            "what the process is sent",
        ],
    ),
    optional(
        "moment",
        ValueType::Word(Moment::NAMES),
        CRASH,
        Some("before"),
        [
            "after",
            "before: the call is not made, and gives EINTR to a process that goes on",
            "when it is sent",
        ],
    ),
    optional(
        "errno",
        ValueType::Word(&["EMFILE", "ENFILE"]),
        &[Kind::ProcessFdLimit],
        Some("EMFILE"),
        [
            "ENFILE",
            "the limit of the process, or of the host",
            "the error the caller gets",
        ],
    ),
    optional(
        "errno",
        ValueType::Word(&["EAGAIN", "ENOMEM"]),
        &[Kind::ProcessForkError],
        Some("EAGAIN"),
        [
            "ENOMEM",
            "too many of them, or no memory for one more",
            "the error the caller gets",
        ],
    ),
];
