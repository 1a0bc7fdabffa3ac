//! What every fault has, whatever it does.

use std::collections::BTreeMap;
use std::time::Duration;

use super::choice;
use super::given::{Reader, between};
use crate::problem::Invalid;
use crate::target::{Choice, Mode};
use crate::units::{Probability, When, format_duration};

/// The longest a fault may last unless `long` is given.
const MAX_DURATION: Duration = Duration::from_hours(1);
/// The longest it may last at all: 30 days.
const MAX_LONG: Duration = Duration::from_hours(720);
const MAX_OWNER: usize = 64;

/// When and how often a fault acts, for how long, and in whose name.
#[derive(Clone, Debug, PartialEq)]
pub struct Common {
    /// The chance that a matching event suffers; for `process.freeze` a pulse is an event,
    /// for `process.signal` a round as one process meets it, for pressure a cgroup that suffers it.
    pub probability: Probability,
    /// Which matching events may suffer, counted from 1.
    pub when: When,
    /// How many injections the fault may make, at least 1.
    pub max_hits: Option<u64>,
    /// Decides the draws. `None`: the client draws one and prints it.
    pub seed: Option<u64>,
    /// From arming to the first effect, `0s..=1h`.
    pub delay: Duration,
    /// From the first effect to the last, `1ms..=1h`, or to 720 h with `long`.
    pub duration: Duration,
    /// A label, to see and to stop what belongs together.
    pub owner: Option<String>,
    /// Accept a selector that matches more than one thing.
    pub all: bool,
    /// Which of several things that match; `all` stands for [`Mode::All`] too.
    pub choice: Choice,
    /// Do not spare the caller's own connection and what keeps the host reachable.
    pub allow_lockout: bool,
    /// Accept a duration above 1 h.
    pub long: bool,
}

impl Common {
    /// Which of several things that match, or what `all` says.
    pub fn effective_choice(&self) -> Choice {
        match self.choice.mode {
            None if self.all => Choice {
                mode: Some(Mode::All),
                ..self.choice
            },
            _ => self.choice,
        }
    }

    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let long = reader.flag("long");
        let duration = reader.required("duration", |text| duration(text, long));
        let common = Self {
            probability: reader.or("probability", Probability::ALWAYS, str::parse),
            when: reader.or("when", When::EVERY, str::parse),
            max_hits: reader.optional("max_hits", max_hits),
            seed: reader.optional("seed", seed),
            delay: reader.or("delay", Duration::ZERO, |text| {
                between(text, Duration::ZERO, MAX_DURATION)
            }),
            duration: duration.unwrap_or_default(),
            owner: reader.optional("owner", owner),
            all: reader.flag("all"),
            choice: Choice::default(),
            allow_lockout: reader.flag("allow_lockout"),
            long,
        };
        let choice = choice::read(reader, common.all);
        duration.map(|_| Self { choice, ..common })
    }

    /// Only what differs from the defaults.
    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            probability,
            when,
            max_hits,
            seed,
            delay,
            duration,
            owner,
            all,
            choice,
            allow_lockout,
            long,
        } = self;
        let flag = |on: bool| on.then(|| "true".to_owned());
        let rows = [
            (
                "probability",
                (*probability != Probability::ALWAYS).then(|| probability.to_string()),
            ),
            ("when", (*when != When::EVERY).then(|| when.to_string())),
            ("max_hits", max_hits.map(|hits| hits.to_string())),
            ("seed", seed.map(|seed| seed.to_string())),
            ("delay", (!delay.is_zero()).then(|| format_duration(*delay))),
            ("duration", Some(format_duration(*duration))),
            ("owner", owner.clone()),
            ("all", flag(*all)),
            ("allow_lockout", flag(*allow_lockout)),
            ("long", flag(*long)),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
        choice::write(choice, params);
    }
}

fn duration(text: &str, long: bool) -> Result<Duration, Invalid> {
    let max = if long { MAX_LONG } else { MAX_DURATION };
    between(text, Duration::from_millis(1), max).map_err(|invalid| {
        let too_long = crate::units::parse_duration(text).is_ok_and(|value| value > max);
        if too_long && !long {
            Invalid {
                hint: "a fault lasts at most 1h unless `long` is given".to_owned(),
                ..invalid
            }
        } else {
            invalid
        }
    })
}

fn max_hits(text: &str) -> Result<u64, Invalid> {
    match text.parse() {
        Ok(0) => Err(Invalid::saying("`0` hits would never do anything").hint("at least 1")),
        Ok(hits) => Ok(hits),
        Err(_) => Err(Invalid::saying(format!("`{text}` is not a number of hits"))
            .hint("a whole number such as 100")),
    }
}

fn seed(text: &str) -> Result<u64, Invalid> {
    let read = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    read.ok().filter(|_| !text.contains('+')).ok_or_else(|| {
        Invalid::saying(format!("`{text}` is not a seed"))
            .hint("a whole number from 0 to 18446744073709551615")
    })
}

fn owner(text: &str) -> Result<String, Invalid> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-@/:".contains(c);
    if text.is_empty() || text.len() > MAX_OWNER || !text.chars().all(allowed) {
        return Err(
            Invalid::saying(format!("`{text}` is not a label")).hint(format!(
                "1 to {MAX_OWNER} letters, digits or any of . _ - @ / :"
            )),
        );
    }
    Ok(text.to_owned())
}
