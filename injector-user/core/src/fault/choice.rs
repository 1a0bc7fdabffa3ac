//! `mode`, `mode_value` and `weigh`: which of several things that match.

use std::collections::BTreeMap;

use super::given::Reader;
use crate::problem::Invalid;
use crate::target::{Choice, Mode, ModeName, Weigh};

/// Reports what does not go together; what could not be read is left out.
pub(super) fn read(reader: &mut Reader<'_>, all: bool) -> Choice {
    let name = reader.optional("mode", str::parse);
    let mode = name.and_then(|name| mode(reader, name));
    if !reader.has("mode") && reader.has("mode_value") {
        reader.conflict(
            "mode_value",
            Invalid::saying("`mode_value` says how many, and there is no `mode`")
                .hint("add `mode`: fixed, fixed-percent or random-max-percent"),
        );
    }
    let weigh = reader.optional("weigh", str::parse);
    let draws = !matches!(name, None | Some(ModeName::All));
    if weigh.is_some_and(|weigh| weigh != Weigh::Equal) && !draws {
        reader.conflict(
            "weigh",
            Invalid::saying("`weigh` is for a `mode` that draws")
                .hint("add `mode`: one, fixed, fixed-percent or random-max-percent"),
        );
    }
    if draws && all {
        reader.conflict(
            "all",
            Invalid::saying("`all` and a `mode` that draws contradict each other")
                .hint("leave one of them away"),
        );
    }
    Choice {
        mode,
        weigh: weigh.unwrap_or_default(),
    }
}

/// Only what differs from the defaults.
pub(super) fn write(choice: &Choice, params: &mut BTreeMap<String, String>) {
    let Choice { mode, weigh } = choice;
    if let Some(mode) = mode {
        params.insert("mode".to_owned(), mode.name().to_string());
    }
    let value = match mode {
        Some(Mode::Fixed(count)) => Some(count.to_string()),
        Some(Mode::FixedPercent(percent) | Mode::RandomMaxPercent(percent)) => {
            Some(format!("{percent}%"))
        }
        Some(Mode::One | Mode::All) | None => None,
    };
    params.extend(value.map(|value| ("mode_value".to_owned(), value)));
    if *weigh != Weigh::Equal {
        params.insert("weigh".to_owned(), weigh.to_string());
    }
}

fn mode(reader: &mut Reader<'_>, name: ModeName) -> Option<Mode> {
    match name {
        ModeName::One | ModeName::All => {
            if reader.has("mode_value") {
                reader.conflict(
                    "mode_value",
                    Invalid::saying(format!("`mode` {name} takes no `mode_value`"))
                        .hint("leave it away, or use `mode` fixed"),
                );
            }
            Some(if name == ModeName::One {
                Mode::One
            } else {
                Mode::All
            })
        }
        ModeName::Fixed => valued(reader, name, count).map(Mode::Fixed),
        ModeName::FixedPercent => valued(reader, name, percent).map(Mode::FixedPercent),
        ModeName::RandomMaxPercent => valued(reader, name, percent).map(Mode::RandomMaxPercent),
    }
}

fn valued(
    reader: &mut Reader<'_>,
    name: ModeName,
    read: fn(&str) -> Result<u32, Invalid>,
) -> Option<u32> {
    if !reader.has("mode_value") {
        let example = if name == ModeName::Fixed { "2" } else { "50%" };
        reader.conflict(
            "mode_value",
            Invalid::saying(format!("`mode` {name} needs `mode_value`"))
                .hint(format!("how many, such as {example}")),
        );
    }
    reader.optional("mode_value", read)
}

fn count(text: &str) -> Result<u32, Invalid> {
    let read = text.parse().ok().filter(|count| *count > 0);
    read.filter(|_| !text.starts_with('+')).ok_or_else(|| {
        Invalid::saying(format!("`{text}` is not a number of things to choose"))
            .hint("a whole number from 1 on; percentages are for fixed-percent")
    })
}

fn percent(text: &str) -> Result<u32, Invalid> {
    let digits = text.strip_suffix('%').unwrap_or(text).trim_end();
    let read = digits
        .parse()
        .ok()
        .filter(|percent| (1..=100).contains(percent));
    read.filter(|_| !text.starts_with('+')).ok_or_else(|| {
        Invalid::saying(format!("`{text}` is not a percentage of things to choose"))
            .hint("a whole number from 1% to 100%")
    })
}
