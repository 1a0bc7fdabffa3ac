//! The parameters that only `sock.error` has.

use super::table::{Param, ValueType, required};
use crate::fault::kind::Kind;
use crate::fault::sock::Operation;

const SOCK: &[Kind] = &[Kind::SockError];

pub(super) const SOCK_ROWS: [Param; 2] = [
    required(
        "operation",
        ValueType::Words(Operation::NAMES),
        SOCK,
        ["connect", "one or more, by comma", "which calls fail"],
    ),
    required(
        "errno",
        ValueType::Errno,
        SOCK,
        [
            "ECONNREFUSED",
            "a name or number of Linux, 1 to 133",
            "the error the caller gets",
        ],
    ),
];
