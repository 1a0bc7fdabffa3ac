//! Which faults have been announced, so that each is twice: when it begins and when it has ended.

use std::collections::BTreeMap;

use super::announcement::{Announcement, Moment};
use crate::protocol::FaultReport;

/// Faults that have begun and not ended, at most as many as an engine has.
#[derive(Debug, Default)]
pub struct Told {
    open: BTreeMap<String, Announcement>,
}

impl Told {
    /// What is new in a report: nothing, the start, the end, or both.
    pub fn see(&mut self, report: &FaultReport, seen_unix_ms: u64) -> Vec<Announcement> {
        let mut new = Vec::new();
        if !self.open.contains_key(&report.fault)
            && let Some(start) = Announcement::start(report, seen_unix_ms)
        {
            self.open.insert(report.fault.clone(), start.clone());
            new.push(start);
        }
        if let Some(end) = Announcement::end(report, seen_unix_ms) {
            self.open.remove(&report.fault);
            new.push(end);
        }
        new
    }

    /// The engine has gone: so have all its faults, at `now` or before.
    pub fn lose_all(&mut self, now: Moment) -> Vec<Announcement> {
        let open = std::mem::take(&mut self.open).into_values();
        open.map(|start| start.lost(now)).collect()
    }

    /// The names of faults whose end was not seen.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        self.open.keys().map(String::as_str)
    }
}
