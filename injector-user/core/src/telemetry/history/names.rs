//! Series by numbers, as long as a kept frame has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::telemetry::frame::{Series, Value};

/// A series' share of two trees, with their nodes half full, and of what is allocated for it.
const OVERHEAD: usize = 288;
/// The same of one label.
const LABEL_OVERHEAD: usize = 48;

/// Numbers are never given again: there are enough for ever.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: BTreeMap<Arc<Series>, u64>,
    known: BTreeMap<u64, Name>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Name {
    series: Arc<Series>,
    /// By the newest frame, and by each difference that says that it has gone.
    uses: usize,
}

impl Names {
    /// The numbers of a frame's series; those that are new are not in use yet. What is known is in the same
    /// order, so that both are gone through once.
    pub(super) fn numbers(&mut self, frame: &BTreeMap<Series, Value>) -> Vec<u64> {
        let mut known = self.numbers.iter().peekable();
        let find = |series: &Series| {
            while known.next_if(|(name, _number)| ***name < *series).is_some() {}
            let found = known.next_if(|(name, _number)| ***name == *series);
            found.map(|(_name, number)| *number)
        };
        let found: Vec<_> = frame.keys().map(find).collect();
        let all = frame.keys().zip(found);
        all.map(|(series, known)| known.unwrap_or_else(|| self.number(series)))
            .collect()
    }

    /// The number of a series; one that is new is not in use yet.
    fn number(&mut self, series: &Series) -> u64 {
        if let Some(number) = self.numbers.get(series) {
            return *number;
        }
        let number = self.next;
        self.next += 1;
        self.bytes += cost(series);
        let series = Arc::new(series.clone());
        self.numbers.insert(Arc::clone(&series), number);
        self.known.insert(number, Name { series, uses: 0 });
        number
    }

    pub(super) fn series(&self, number: u64) -> Option<&Series> {
        self.known.get(&number).map(|name| &*name.series)
    }

    pub(super) fn hold(&mut self, number: u64) {
        if let Some(name) = self.known.get_mut(&number) {
            name.uses += 1;
        }
    }

    /// Forgets the series with its last use.
    pub(super) fn release(&mut self, number: u64) {
        let Some(name) = self.known.get_mut(&number) else {
            return;
        };
        name.uses = name.uses.saturating_sub(1);
        if name.uses > 0 {
            return;
        }
        self.bytes -= cost(&name.series);
        self.numbers.remove(&name.series);
        self.known.remove(&number);
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// At most so much memory is in use.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What it costs at most to know a series.
pub(super) fn cost(series: &Series) -> usize {
    let labels = series.labels.iter();
    OVERHEAD
        + labels
            .map(|label| LABEL_OVERHEAD + label.len())
            .sum::<usize>()
}
