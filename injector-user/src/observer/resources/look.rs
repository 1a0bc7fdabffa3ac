//! One look at everybody.

use std::collections::BTreeMap;

use injector_core::plan::Observed;
use injector_core::target::Selector;

use super::faults::Faults;
use super::pressure::Pressures;
use super::{cgroups, host};
use crate::target::Mounts;

/// What is kept from one look to the next.
#[derive(Debug, Default)]
pub(in super::super) struct Resources {
    faults: BTreeMap<Selector, Faults>,
}

/// What one target uses, and what it lacked.
#[derive(Debug, Default)]
pub(in super::super) struct Usage {
    pub(in super::super) processes: u64,
    pub(in super::super) memory_bytes: u64,
    pub(in super::super) memory_events: BTreeMap<String, u64>,
    pub(in super::super) major_faults: u64,
    pub(in super::super) cpu_periods: u64,
    pub(in super::super) cpu_throttled_periods: u64,
    pub(in super::super) cpu_throttled_ns: u64,
    /// By resource and tasks, a share of 1.
    pub(in super::super) pressures: Pressures,
}

impl Resources {
    /// By label of each target that is there.
    pub(in super::super) fn look(
        &mut self,
        targets: &BTreeMap<Selector, Option<Observed>>,
    ) -> BTreeMap<String, Usage> {
        self.faults
            .retain(|target, _faults| targets.contains_key(target));
        let mounts = Mounts::read().unwrap_or_default();
        let there = targets
            .iter()
            .filter_map(|(target, meant)| Some((target, meant.as_ref()?)));
        there
            .map(|(target, meant)| (target.to_string(), self.usage(&mounts, target, meant)))
            .collect()
    }

    fn usage(&mut self, mounts: &Mounts, target: &Selector, meant: &Observed) -> Usage {
        let mut usage = Usage::default();
        if meant.host {
            host::add(&mut usage);
        }
        for cgroup in &meant.cgroups {
            cgroups::add(&mut usage, mounts, cgroup);
        }
        if !meant.thread_groups.is_empty() {
            let faults = self.faults.entry(target.clone()).or_default();
            faults.add(&mut usage, &meant.thread_groups);
        }
        usage
    }
}
