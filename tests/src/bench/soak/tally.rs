//! How often what happened.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts by what is counted, for all threads.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<BTreeMap<String, u64>>,
}

/// Different things that are counted at most: messages with numbers in them would be without end.
const MOST: usize = 200;

impl Tally {
    pub(super) fn count(&self, what: impl Into<String>) {
        self.add(what, 1);
    }

    pub(super) fn add(&self, what: impl Into<String>, number: u64) {
        let what = what.into();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let what = if counts.len() < MOST || counts.contains_key(&what) {
            what
        } else {
            "something else".to_owned()
        };
        *counts.entry(what).or_default() += number;
    }

    pub(super) fn all(&self) -> BTreeMap<String, u64> {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
