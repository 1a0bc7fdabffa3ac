//! What a benchmark found.

use std::fmt;

use serde::Serialize;

/// Everything one benchmark found.
pub(super) type Rows = Vec<Row>;

/// One figure, beside what it is compared with and what was hoped for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    /// The benchmark.
    pub(super) name: String,
    pub(super) metric: String,
    pub(super) unit: &'static str,
    pub(super) ours: f64,
    /// The peer's figure in the same unit, from the same run.
    pub(super) peer: Option<f64>,
    /// Ours by the peer's.
    pub(super) ratio: Option<f64>,
    pub(super) aim: Option<Aim>,
    pub(super) met: Option<bool>,
    /// Measurements behind `ours`.
    pub(super) n: u64,
    /// How it was measured, and what else was seen.
    pub(super) note: String,
}

/// What was hoped for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Aim {
    AtMost(f64),
    RatioAtLeast(f64),
    RatioAtMost(f64),
    /// Decided by the benchmark, as its metric says.
    Holds,
}

impl Row {
    pub(super) fn new(metric: impl Into<String>, unit: &'static str, ours: f64, n: usize) -> Self {
        Self {
            name: String::new(),
            metric: metric.into(),
            unit,
            ours,
            peer: None,
            ratio: None,
            aim: None,
            met: None,
            n: n as u64,
            note: String::new(),
        }
    }

    #[must_use]
    pub(super) fn peer(mut self, peer: f64) -> Self {
        self.peer = Some(peer);
        self.ratio = (peer != 0.0).then(|| self.ours / peer);
        self
    }

    #[must_use]
    pub(super) fn at_most(mut self, most: f64) -> Self {
        self.aim = Some(Aim::AtMost(most));
        self.met = Some(self.ours <= most);
        self
    }

    /// Call it after [`Row::peer`].
    #[must_use]
    pub(super) fn ratio_at_least(mut self, least: f64) -> Self {
        self.aim = Some(Aim::RatioAtLeast(least));
        self.met = Some(self.ratio.is_some_and(|ratio| ratio >= least));
        self
    }

    /// Call it after [`Row::peer`].
    #[must_use]
    pub(super) fn ratio_at_most(mut self, most: f64) -> Self {
        self.aim = Some(Aim::RatioAtMost(most));
        self.met = Some(self.ratio.is_some_and(|ratio| ratio <= most));
        self
    }

    #[must_use]
    pub(super) fn holds(mut self, met: bool) -> Self {
        self.aim = Some(Aim::Holds);
        self.met = Some(met);
        self
    }

    #[must_use]
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::RatioAtLeast(least) => write!(f, "ratio >= {least}"),
            Self::RatioAtMost(most) => write!(f, "ratio <= {most}"),
            Self::Holds => f.write_str("holds"),
        }
    }
}
