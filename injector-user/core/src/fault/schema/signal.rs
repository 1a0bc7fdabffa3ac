//! The parameters that only `process.signal` has.

use super::table::{Param, ValueType, optional, required};
use crate::fault::kind::Kind;

const SIGNAL: &[Kind] = &[Kind::ProcessSignal];

pub(super) const SIGNALS: [Param; 3] = [
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
];
