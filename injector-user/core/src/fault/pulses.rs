//! What goes on in pulses: for a while, with a pause between, so many times.

use std::collections::BTreeMap;
use std::time::Duration;

use super::given::{Reader, between};
use crate::problem::Invalid;
use crate::units::format_duration;

const MIN_PULSE: Duration = Duration::from_millis(1);
const MAX_PULSE: Duration = Duration::from_hours(1);

/// Something is so for a while, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulses {
    /// How long each is, `1ms..=1h` and at most the fault's duration.
    pub active: Duration,
    /// How long the pause between two is, `1ms..=1h`; `None` only if `count` is 1.
    pub dormant: Option<Duration>,
    /// How many there are, at least 1; `None`: until the fault ends.
    pub count: Option<u32>,
}

impl Pulses {
    /// `None` only if a problem was reported. `duration` is the fault's, if it could be read.
    pub(super) fn read(reader: &mut Reader<'_>, duration: Option<Duration>) -> Option<Self> {
        let active = reader.required("active", |text| between(text, MIN_PULSE, MAX_PULSE));
        let dormant = reader.optional("dormant", |text| between(text, MIN_PULSE, MAX_PULSE));
        let count = reader.optional("count", count);
        let once = reader.has("count") && (count == Some(1) || count.is_none());
        if !reader.has("dormant") && !once {
            reader.missing("dormant");
        }
        if let (Some(active), Some(duration)) = (active, duration)
            && active > duration
        {
            let duration = format_duration(duration);
            let invalid = Invalid::saying(format!(
                "a pulse of {} does not fit into the duration of {duration}",
                format_duration(active)
            ));
            reader.conflict("active", invalid.hint(format!("at most {duration}")));
        }
        Some(Self {
            active: active?,
            dormant,
            count,
        })
    }

    /// For a fault that without them is one pulse as long as itself, which is `None`.
    pub(super) fn read_if_any(reader: &mut Reader<'_>, duration: Option<Duration>) -> Option<Self> {
        if reader.has("active") {
            return Self::read(reader, duration);
        }
        for name in ["dormant", "count"] {
            if reader.has(name) {
                let invalid = Invalid::saying(format!("{name} means nothing without `active`"));
                reader.conflict(name, invalid.hint("add `active`, for example 5s"));
            }
        }
        None
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            active,
            dormant,
            count,
        } = self;
        let rows = [
            ("active", Some(format_duration(*active))),
            ("dormant", dormant.map(format_duration)),
            ("count", count.map(|count| count.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}

/// How many pulses or rounds.
pub(super) fn count(text: &str) -> Result<u32, Invalid> {
    match text.parse() {
        Ok(count) if count > 0 && !text.starts_with('+') => Ok(count),
        _ => Err(
            Invalid::saying(format!("`{text}` is not a number of pulses or rounds"))
                .hint("a whole number from 1 on"),
        ),
    }
}
