//! What each target has felt since the observer began, classes that are gone included.

use std::collections::BTreeMap;

use injector_abi::trace::{Edge, EdgeKey};

use super::classes::Labels;
use crate::loader::{Counted, Seen, added};

/// By label of a target.
pub(super) type Totals = BTreeMap<String, Total>;

/// Everything of one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Total {
    /// By item.
    pub(super) items: BTreeMap<u32, Counted>,
    /// By item and number.
    pub(super) numbers: BTreeMap<(u16, u16), u64>,
    /// By edge; the class in the key is 0.
    pub(super) edges: BTreeMap<EdgeKey, Edge>,
}

impl Total {
    fn add(&mut self, item: u32, more: &Counted) {
        let all = self.items.entry(item).or_default();
        all.events += more.events;
        all.errors += more.errors;
        all.returned = all.returned.wrapping_add(more.returned);
        all.durations.merge(&more.durations);
    }

    /// Events of all items.
    pub(super) fn events(&self) -> u64 {
        self.items.values().map(|counted| counted.events).sum()
    }
}

/// Adds what the classes of `labels` have seen to their targets' totals.
pub(super) fn add(totals: &mut Totals, seen: &Seen, labels: &BTreeMap<u32, Labels>) {
    for ((class, item), counted) in &seen.items {
        for label in labels.get(class).into_iter().flatten() {
            totals.entry(label.clone()).or_default().add(*item, counted);
        }
    }
    for (key, count) in &seen.numbers {
        for label in labels.get(&key.class).into_iter().flatten() {
            let total = totals.entry(label.clone()).or_default();
            *total.numbers.entry((key.item, key.detail)).or_default() += count;
        }
    }
    for (key, edge) in &seen.edges {
        for label in labels.get(&key.class).into_iter().flatten() {
            let total = totals.entry(label.clone()).or_default();
            let all = total.edges.entry(EdgeKey { class: 0, ..*key }).or_default();
            *all = added(*all, *edge);
        }
    }
}
