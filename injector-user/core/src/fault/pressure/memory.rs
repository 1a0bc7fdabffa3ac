//! `memory.stress`: memory is held.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fault::given::{Reader, between};
use crate::problem::Invalid;
use crate::units::{ByteSize, Percent, format_duration};
use crate::words::words;

const MAX_RAMP: Duration = Duration::from_hours(1);

/// A worker that holds memory, and touches it again so that it stays resident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryStress {
    pub amount: Amount,
    /// How long it takes until all of it is held, evenly, `0s..=1h`.
    pub ramp: Duration,
    pub pattern: Pattern,
    /// `oom_score_adj` of the worker, `-1000..=1000`.
    pub oom_score: Option<i32>,
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Size(ByteSize),
    /// Of what is available when it is planned.
    Percent(Percent),
}

/// What pages are filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// Nobody can compress or merge it.
    Random,
    /// Bytes of 0xff: whoever compresses or merges memory saves almost all of it.
    Ones,
}

words!(Pattern, "a pattern", {
    Random => "random",
    Ones => "ones",
});

impl MemoryStress {
    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let size = reader.optional("size", super::pressing::size);
        let percent = reader.optional("percent", str::parse);
        if reader.has("size") && reader.has("percent") {
            let invalid = Invalid::saying("`size` and `percent` both say how much");
            reader.conflict("percent", invalid.hint("give one of them"));
        }
        if !reader.has("size") && !reader.has("percent") {
            reader.missing("size");
        }
        let ramp = reader.or("ramp", Duration::ZERO, |text| {
            between(text, Duration::ZERO, MAX_RAMP)
        });
        let pattern = reader.or("pattern", Pattern::Random, str::parse);
        let oom_score = reader.optional("oom_score", oom_score);
        let amount = size
            .map(Amount::Size)
            .or_else(|| percent.map(Amount::Percent));
        Some(Self {
            amount: amount?,
            ramp,
            pattern,
            oom_score,
        })
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            amount,
            ramp,
            pattern,
            oom_score,
        } = self;
        let amount = match amount {
            Amount::Size(size) => ("size", Some(size.to_string())),
            Amount::Percent(percent) => ("percent", Some(percent.to_string())),
        };
        let rows = [
            amount,
            ("ramp", (!ramp.is_zero()).then(|| format_duration(*ramp))),
            (
                "pattern",
                (*pattern != Pattern::Random).then(|| pattern.to_string()),
            ),
            ("oom_score", oom_score.map(|score| score.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}

/// As in `/proc/PID/oom_score_adj`.
fn oom_score(text: &str) -> Result<i32, Invalid> {
    let read = text.parse().ok().filter(|_| !text.starts_with('+'));
    let read = read.filter(|score| (-1000..=1000).contains(score));
    read.ok_or_else(|| {
        Invalid::saying(format!("`{text}` is not an adjustment of the OOM score"))
            .hint("a whole number from -1000 (never killed) to 1000 (killed first)")
    })
}
