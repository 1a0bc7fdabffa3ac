//! Programs of observers at their places, and what they missed.

use super::super::program::{Link, Program};

/// Detached with this value.
#[derive(Debug, Default)]
pub(super) struct Attached(Vec<(Link, Program)>);

impl Attached {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often one was not run, as it was at work on the same processor already.
    pub(super) fn missed(&self) -> u64 {
        let programs = self.0.iter().map(|(_link, program)| program);
        programs.map(Program::misses).sum()
    }
}

impl FromIterator<(Link, Program)> for Attached {
    fn from_iter<I: IntoIterator<Item = (Link, Program)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}
