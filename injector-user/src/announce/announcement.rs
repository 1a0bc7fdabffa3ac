//! What there is to tell of a fault, in nobody's format yet.

use std::collections::BTreeMap;
use std::fmt;

use injector_core::fault::Kind;
use injector_core::proof::Counters;

use crate::protocol::{Ended, FaultReport, State};

/// Longer values are cut to so many characters, which bounds an announcement.
pub const LONGEST_VALUE: usize = 1024;

/// That a fault has begun to act or, with an [`End`], that it acts no longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// Unique for one engine.
    pub fault: String,
    pub kind: Kind,
    /// As it was asked for; of a command only its program, as arguments may be nobody else's business.
    pub target: Option<String>,
    pub owner: Option<String>,
    /// What an experiment calls it.
    pub name: Option<String>,
    pub seed: u64,
    /// What was asked, in the words of the schema, without the target and the owner.
    pub params: BTreeMap<String, String>,
    /// When it began to act.
    pub began: Moment,
    /// None at the start.
    pub end: Option<End>,
    /// Milliseconds since 1970; when we learnt of it.
    pub seen_unix_ms: u64,
}

/// A point in time by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// Nanoseconds of the host's monotonic clock.
    pub monotonic_ns: u64,
}

/// How it came to an end, and what it had done by then.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    pub at: Moment,
    pub how: HowEnded,
    /// None if nobody is left who knows.
    pub counters: Option<Counters>,
}

/// Why a fault acts no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HowEnded {
    /// Everything it changed is as it was.
    Ended(Ended),
    /// Something it changed could not be put back.
    UndoIncomplete { what: String },
    /// The engine went away, and took it along at that time or before.
    EngineGone,
}

impl HowEnded {
    /// One word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ended(Ended::Deadline) => "deadline",
            Self::Ended(Ended::Stopped) => "stopped",
            Self::Ended(Ended::OwnerGone) => "owner-gone",
            Self::Ended(Ended::TargetGone) => "target-gone",
            Self::Ended(Ended::Finished) => "finished",
            Self::UndoIncomplete { .. } => "undo-incomplete",
            Self::EngineGone => "engine-gone",
        }
    }
}

impl fmt::Display for HowEnded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(Ended::Deadline) => out.write_str("its duration was over"),
            Self::Ended(Ended::Stopped) => out.write_str("it was stopped"),
            Self::Ended(Ended::OwnerGone) => out.write_str("who had armed it went away"),
            Self::Ended(Ended::TargetGone) => out.write_str("its target has gone"),
            Self::Ended(Ended::Finished) => out.write_str("it had done all it was allowed to"),
            Self::UndoIncomplete { what } => write!(out, "not undone: {what}"),
            Self::EngineGone => out.write_str("the engine went away"),
        }
    }
}

impl Announcement {
    /// That the fault of `report` began to act; none if it has not, or does not act at all.
    pub fn start(report: &FaultReport, seen_unix_ms: u64) -> Option<Self> {
        let began = began(report)?;
        let params = report.params.iter();
        let params = params.filter(|(name, _)| !matches!(name.as_str(), "target" | "owner"));
        Some(Self {
            fault: report.fault.clone(),
            kind: report.kind,
            target: report
                .params
                .get("target")
                .map(|target| cut(&without_arguments(target))),
            owner: report.owner.as_deref().map(cut),
            name: report.name.as_deref().map(cut),
            seed: report.seed,
            params: params
                .map(|(name, value)| (name.clone(), cut(value)))
                .collect(),
            began,
            end: None,
            seen_unix_ms,
        })
    }

    /// That it ended; none if it has not.
    pub fn end(report: &FaultReport, seen_unix_ms: u64) -> Option<Self> {
        let how = match &report.state {
            State::Pending | State::Active => return None,
            State::Ended { how } => HowEnded::Ended(*how),
            State::UndoIncomplete { what } => HowEnded::UndoIncomplete { what: cut(what) },
        };
        let at = Moment {
            unix_ms: report.window.ended_unix_ms,
            monotonic_ns: report.window.ended_ns,
        };
        let end = End {
            at,
            how,
            counters: Some(report.counters),
        };
        Some(Self {
            end: Some(end),
            ..Self::start(report, seen_unix_ms)?
        })
    }

    /// That it ended with its engine, at `now` or before, and nobody knows what it did.
    #[must_use]
    pub fn lost(self, now: Moment) -> Self {
        Self {
            end: Some(End {
                at: now,
                how: HowEnded::EngineGone,
                counters: None,
            }),
            seen_unix_ms: now.unix_ms,
            ..self
        }
    }

    /// When it happened.
    pub fn at(&self) -> Moment {
        self.end.as_ref().map_or(self.began, |end| end.at)
    }

    /// In one line for people.
    pub fn summary(&self) -> String {
        let target = self.target.as_deref();
        let on = target.map_or_else(String::new, |target| format!(" on {target}"));
        let name = self.name.as_deref();
        let name = name.map_or_else(String::new, |name| format!("`{name}`: "));
        let what = format!("{name}{}{on} ({})", self.kind.name(), self.fault);
        let Some(end) = &self.end else {
            return format!("{what} acts");
        };
        let done = end.counters.map_or_else(String::new, |counters| {
            let Counters {
                matched,
                eligible: _,
                expired: _,
                outside: _,
                injected,
                passed,
                foreign: _,
            } = counters;
            format!("; {matched} matched, {injected} injected, {passed} passed")
        });
        format!("{what} ended: {}{done}", end.how)
    }
}

/// When it began to act; none if it did not, as far as the report knows.
fn began(report: &FaultReport) -> Option<Moment> {
    let window = report.window;
    let acts_from_ns = window.armed_ns.saturating_add(report.plan.delay_ns);
    let acted = match report.state {
        State::Pending => false,
        State::Active => true,
        State::Ended { .. } | State::UndoIncomplete { .. } => window.ended_ns >= acts_from_ns,
    };
    let delay_ms = report.plan.delay_ns / 1_000_000;
    (acted && !report.rehearsal).then_some(Moment {
        unix_ms: window.armed_unix_ms.saturating_add(delay_ms),
        monotonic_ns: acts_from_ns,
    })
}

fn without_arguments(target: &str) -> String {
    let words = target.strip_prefix("command:");
    let words: Option<Vec<String>> = words.and_then(|words| serde_json::from_str(words).ok());
    match words.as_deref() {
        Some([program, _, ..]) => format!("command:{program} …"),
        Some([program]) => format!("command:{program}"),
        Some([]) | None => target.to_owned(),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST_VALUE {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_VALUE - 1).collect();
    format!("{kept}…")
}
