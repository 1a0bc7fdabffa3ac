//! Counting lines by level, template and the faults that acted.

use std::collections::BTreeMap;

use super::level::Level;
use super::reading::Reading;
use super::share::Count;
use super::template::Template;
use super::windows::{Acting, Windows};

/// What the lines of one target came to.
///
/// Its memory is bounded, whatever the lines say: six levels, [`Tally::MOST_TEMPLATES`] templates and
/// [`Windows::MOST`] faults, each with counts of its own. The first templates are kept, so that who floods
/// a log later on drives nobody out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    begun_ns: u64,
    windows: Windows,
    all: Count,
    levels: BTreeMap<Level, Count>,
    templates: BTreeMap<(Level, Template), Count>,
    other: Count,
}

impl Tally {
    /// Templates told apart, the same at two levels being two; a line of another one counts as `other`.
    pub const MOST_TEMPLATES: usize = 1_000;

    /// Nothing yet; `begun_ns` is when it began, monotonic nanoseconds.
    pub fn new(begun_ns: u64) -> Self {
        Self {
            begun_ns,
            windows: Windows::default(),
            all: Count::default(),
            levels: BTreeMap::new(),
            templates: BTreeMap::new(),
            other: Count::default(),
        }
    }

    /// Takes note of the faults that are armed at `now_ns`; see [`Windows::look`]. Those that had ended
    /// before the tally began are none of it.
    pub fn look(&mut self, now_ns: u64, armed: &[Acting]) {
        let is_over = |one: &Acting| one.until_ns.is_some_and(|until| until <= self.begun_ns);
        let ours = armed.iter().filter(|one| !is_over(one));
        let ours: Vec<Acting> = ours.cloned().collect();
        self.windows.look(now_ns, &ours);
    }

    /// Counts a line that was seen at `at_ns`. The faults are those of the last look, so that is to come
    /// first.
    pub fn add(&mut self, at_ns: u64, line: &Reading<'_>) {
        let Self {
            begun_ns: _,
            windows,
            all,
            levels,
            templates,
            other,
        } = self;
        all.add(at_ns, windows);
        levels.entry(line.level).or_default().add(at_ns, windows);
        let key = (line.level, Template::of(&line.message));
        let is_full = templates.len() >= Self::MOST_TEMPLATES;
        match templates.get_mut(&key) {
            Some(known) => known.add(at_ns, windows),
            None if is_full => other.add(at_ns, windows),
            None => templates.entry(key).or_default().add(at_ns, windows),
        }
    }

    pub fn begun_ns(&self) -> u64 {
        self.begun_ns
    }

    /// Every line.
    pub fn all(&self) -> &Count {
        &self.all
    }

    /// Those levels that were seen, the worst first.
    pub fn levels(&self) -> &BTreeMap<Level, Count> {
        &self.levels
    }

    /// Those templates that are told apart, with the level that their lines had.
    pub fn templates(&self) -> &BTreeMap<(Level, Template), Count> {
        &self.templates
    }

    /// Lines of templates beyond the bound.
    pub fn other(&self) -> &Count {
        &self.other
    }

    /// The faults seen so far.
    pub fn windows(&self) -> &Windows {
        &self.windows
    }
}
