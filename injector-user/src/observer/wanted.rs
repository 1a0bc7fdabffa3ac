//! What somebody asks for.

use std::collections::BTreeSet;

use injector_core::target::Selector;
use injector_core::telemetry::{Frame, Series, Signal};
use serde::{Deserialize, Serialize};

/// Whom somebody wants to look at, and at what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub targets: BTreeSet<Selector>,
    pub signals: BTreeSet<Signal>,
    /// So many of the busiest cgroups, each for itself.
    #[serde(default)]
    pub top: usize,
}

impl Wanted {
    /// What several want together.
    pub(super) fn union<'a, I: IntoIterator<Item = &'a Self>>(all: I) -> Self {
        let mut union = Self::default();
        for one in all {
            union.targets.extend(one.targets.iter().cloned());
            union.signals.extend(&one.signals);
            union.top = union.top.max(one.top);
        }
        union
    }

    /// The part of a frame that was asked for; `top` are the labels of the busiest cgroups.
    pub(super) fn part_of(&self, frame: &Frame, top: &[String]) -> Frame {
        let targets: BTreeSet<String> = self.targets.iter().map(ToString::to_string).collect();
        let top = top.iter().take(self.top).map(String::as_str);
        let top: BTreeSet<&str> = top.collect();
        let is_wanted = |series: &Series| {
            let signal = series.metric().signal;
            let asked = signal.is_none_or(|signal| self.signals.contains(&signal));
            let about = series.label("target");
            asked && about.is_none_or(|label| targets.contains(label) || top.contains(label))
        };
        let values = frame.values.iter().filter(|(series, _)| is_wanted(series));
        Frame {
            values: values
                .map(|(series, value)| (series.clone(), value.clone()))
                .collect(),
            ..*frame
        }
    }
}
