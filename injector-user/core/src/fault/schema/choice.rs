//! The rows of [`super::table`] that say which of several things suffer.

use super::table::{ALL, Param, ValueType, optional};
use crate::target::{ModeName, Weigh};

pub(super) const CHOICE: [Param; 3] = [
    optional(
        "mode",
        ValueType::Word(ModeName::NAMES),
        ALL,
        None,
        [
            "one",
            "of what `target` matches, drawn by `seed`; `all` is the same as --all",
            "which suffer of several that match; without it several are an error",
        ],
    ),
    optional(
        "mode_value",
        ValueType::Share,
        ALL,
        None,
        [
            "50%",
            "for fixed at least 1; for the others 1% to 100%, rounded down, at least one",
            "how many of them: a number for fixed, a percentage for fixed-percent and the most of \
             random-max-percent",
        ],
    ),
    optional(
        "weigh",
        ValueType::Word(Weigh::NAMES),
        ALL,
        Some("equal"),
        [
            "memory",
            "by resident memory, or by processor time used so far; only with a `mode` that draws",
            "what makes one likelier to be chosen than another",
        ],
    ),
];
