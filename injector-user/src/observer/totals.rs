//! What each target has felt since the observer began, classes that are gone included.

use std::collections::BTreeMap;
use std::sync::Arc;

use injector_abi::trace::{CountKey, Edge, EdgeKey};

use super::classes::Labels;
use crate::loader::{self, Counted, Seen, added};

/// By label of a target.
pub(super) type Totals = BTreeMap<String, Total>;

/// Everything of one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Total {
    /// By item.
    pub(super) items: BTreeMap<u32, Arc<Counted>>,
    /// By item and number.
    pub(super) numbers: BTreeMap<(u16, u16), u64>,
    /// By edge; the class in the key is 0.
    pub(super) edges: BTreeMap<EdgeKey, Edge>,
}

impl Total {
    /// Everything of a class but its edges.
    fn add_class(&mut self, seen: &Seen, class: u32) {
        for ((_class, item), counted) in seen.items.range((class, 0)..=(class, u32::MAX)) {
            loader::add_counted(&mut self.items, *item, counted);
        }
        let [from, to] = [0, u16::MAX].map(|end| CountKey {
            class,
            item: end,
            detail: end,
        });
        for (key, count) in seen.numbers.range(from..=to) {
            *self.numbers.entry((key.item, key.detail)).or_default() += count;
        }
    }

    /// Events of all items.
    pub(super) fn events(&self) -> u64 {
        self.items.values().map(|counted| counted.events).sum()
    }
}

/// Adds what the classes of `labels` have seen to their targets' totals.
pub(super) fn add(totals: &mut Totals, seen: &Seen, labels: &BTreeMap<u32, Labels>) {
    for (class, labels) in labels {
        for label in labels {
            totals
                .entry(label.clone())
                .or_default()
                .add_class(seen, *class);
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
