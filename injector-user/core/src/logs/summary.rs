//! A tally as people and programs read it: rates, times since the beginning, and names of faults.

use std::collections::BTreeMap;

use serde::Serialize;

use super::level::Level;
use super::share::Count;
use super::tally::Tally;
use super::template::Template;
use super::windows::{Window, Windows};

/// What came of following a target's logs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// All of the time.
    #[serde(flatten)]
    pub all: Span,
    /// The time in which no fault acted.
    pub calm: Span,
    /// The time in which each fault acted, in the order in which they were seen.
    pub faults: Vec<During>,
    /// Faults beyond those that are told apart.
    pub more_faults: u64,
    /// The worst first.
    pub levels: Vec<Share>,
    /// The most frequent first.
    pub templates: Vec<Share>,
    /// Lines of templates beyond those that are told apart.
    pub other: Share,
}

/// Some time and the lines in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Span {
    pub seconds: f64,
    pub lines: u64,
    /// None where there was no time.
    pub per_second: Option<f64>,
}

/// The time of one fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct During {
    pub fault: String,
    pub kind: String,
    #[serde(flatten)]
    pub span: Span,
}

/// Lines of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    pub lines: u64,
    pub per_second: Option<f64>,
    /// Seconds from the beginning to the first and the last one; none if there was none.
    pub first: Option<f64>,
    pub last: Option<f64>,
    /// While no fault acted.
    pub calm: u64,
    /// While each fault acted, in the order of [`Summary::faults`].
    pub during: Vec<u64>,
    /// While a fault acted that is not told apart.
    pub during_more: u64,
}

impl Summary {
    /// What a tally has come to at `now_ns`.
    pub fn of(tally: &Tally, now_ns: u64) -> Self {
        let view = View { tally, now_ns };
        let levels = tally.levels().iter();
        let levels = levels.map(|(level, count)| Share {
            level: Some(*level),
            ..view.share(count)
        });
        Self {
            all: Span::of(view.elapsed_ns(), tally.all().lines),
            calm: Span::of(view.calm_ns(), tally.all().calm),
            faults: view.faults(),
            more_faults: tally.windows().untold(),
            levels: levels.collect(),
            templates: view.templates(),
            other: view.share(tally.other()),
        }
    }
}

/// A tally at one moment.
struct View<'a> {
    tally: &'a Tally,
    now_ns: u64,
}

impl View<'_> {
    fn elapsed_ns(&self) -> u64 {
        self.now_ns.saturating_sub(self.tally.begun_ns())
    }

    fn calm_ns(&self) -> u64 {
        let windows = self.tally.windows();
        let disturbed = windows.disturbed_ns(self.tally.begun_ns(), self.now_ns);
        self.elapsed_ns().saturating_sub(disturbed)
    }

    fn faults(&self) -> Vec<During> {
        let during = &self.tally.all().during;
        let known = self.tally.windows().known().iter().enumerate();
        let faults = known.map(|(place, window)| {
            let lines = during.get(&place).copied().unwrap_or_default();
            self.during(window, lines)
        });
        faults.collect()
    }

    fn during(&self, window: &Window, lines: u64) -> During {
        let acted_ns = Windows::acted_ns(window, self.tally.begun_ns(), self.now_ns);
        During {
            fault: window.fault.clone(),
            kind: window.kind.clone(),
            span: Span::of(acted_ns, lines),
        }
    }

    fn templates(&self) -> Vec<Share> {
        let templates = self.tally.templates().iter();
        let shares = templates.map(|((level, template), count)| Share {
            level: Some(*level),
            template: Some(template.clone()),
            ..self.share(count)
        });
        let mut shares: Vec<Share> = shares.collect();
        // Stable: those of the same number stay in the order of their level and text.
        shares.sort_by_key(|share| std::cmp::Reverse(share.lines));
        shares
    }

    fn share(&self, count: &Count) -> Share {
        let Count {
            lines,
            first_ns,
            last_ns,
            calm,
            during,
            during_untold,
        } = count;
        let after = |at_ns: u64| {
            let offset = at_ns.saturating_sub(self.tally.begun_ns());
            (*lines > 0).then(|| seconds(offset))
        };
        Share {
            level: None,
            template: None,
            lines: *lines,
            per_second: Span::of(self.elapsed_ns(), *lines).per_second,
            first: after(*first_ns),
            last: after(*last_ns),
            calm: *calm,
            during: self.in_order(during),
            during_more: *during_untold,
        }
    }

    fn in_order(&self, during: &BTreeMap<usize, u64>) -> Vec<u64> {
        let places = 0..self.tally.windows().known().len();
        let counts = places.map(|place| during.get(&place).copied().unwrap_or_default());
        counts.collect()
    }
}

impl Span {
    fn of(time_ns: u64, lines: u64) -> Self {
        let time = seconds(time_ns);
        Self {
            seconds: time,
            lines,
            per_second: (time_ns > 0).then(|| rounded(exactly(lines) / exactly(time_ns) * 1e9)),
        }
    }
}

/// To the millisecond: nothing here is known any better.
fn seconds(time_ns: u64) -> f64 {
    rounded(exactly(time_ns) / 1e9)
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate of more than 2^53 lines is as good without its last digit"
)]
fn exactly(number: u64) -> f64 {
    number as f64
}
