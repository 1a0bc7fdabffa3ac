//! `process.signal`: processes are sent a signal, in rounds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::signal::Signal;
use crate::fault::given::{Reader, between};
use crate::fault::pulses::count;
use crate::problem::Invalid;
use crate::units::format_duration;

const MIN_INTERVAL: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_hours(1);

/// All processes of the target are sent a signal, once or again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volleys {
    pub signal: Signal,
    /// From the beginning of a round to that of the next, `1ms..=1h`; `None`: one round.
    pub interval: Option<Duration>,
    /// How many rounds, at least 1; `None`: until the fault ends, or one without `interval`.
    pub count: Option<u32>,
    /// Between one process and the next in a round, `0s..=1h`.
    pub stagger: Duration,
}

impl Volleys {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let signal = reader.required("signal", str::parse);
        let interval = reader.optional("interval", |text| between(text, MIN_INTERVAL, MAX_PAUSE));
        let count = reader.optional("count", count);
        if let (Some(2..), false) = (count, reader.has("interval")) {
            let invalid = Invalid::saying("more than one round needs `interval`");
            reader.conflict("count", invalid.hint("add `interval`, such as 5s"));
        }
        let stagger = reader.or("stagger", Duration::ZERO, |text| {
            between(text, Duration::ZERO, MAX_PAUSE)
        });
        Some(Self {
            signal: signal?,
            interval,
            count,
            stagger,
        })
    }

    /// How many rounds there are at most; `None`: as many as fit into the fault's duration.
    pub fn rounds(&self) -> Option<u32> {
        self.count.or(self.interval.is_none().then_some(1))
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            signal,
            interval,
            count,
            stagger,
        } = self;
        let rows = [
            ("signal", Some(signal.to_string())),
            ("interval", interval.map(format_duration)),
            ("count", count.map(|count| count.to_string())),
            (
                "stagger",
                (!stagger.is_zero()).then(|| format_duration(*stagger)),
            ),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}
