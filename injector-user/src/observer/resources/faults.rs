//! Major faults and memory of processes, each from when it was first seen until it has ended.

use std::collections::{BTreeMap, BTreeSet};

use procfs::process::Process;

use super::look::Usage;

/// What is known of processes that are targets by themselves.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// By number and start.
    seen: BTreeMap<(i32, u64), u64>,
    /// Of those that have ended, too.
    total: u64,
}

impl Faults {
    /// Adds what there is of these processes. What one did before it was first seen is not counted.
    pub(super) fn add(&mut self, usage: &mut Usage, pids: &BTreeSet<i32>) {
        let mut now = BTreeMap::new();
        for stat in pids
            .iter()
            .filter_map(|pid| Process::new(*pid).ok()?.stat().ok())
        {
            usage.processes += 1;
            usage.memory_bytes += stat.rss * procfs::page_size();
            now.insert((stat.pid, stat.starttime), stat.majflt);
        }
        for (process, count) in &now {
            let before = self.seen.get(process).unwrap_or(count);
            self.total += count.saturating_sub(*before);
        }
        self.seen = now;
        usage.major_faults += self.total;
    }
}
