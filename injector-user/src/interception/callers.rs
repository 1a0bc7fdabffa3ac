//! Whose thread it is that calls.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use crate::clock::monotonic_ns;

/// How long what was read is believed: far shorter than it takes to use all numbers once.
const BELIEVED: Duration = Duration::from_millis(50);

/// The processes of threads that have called a moment ago.
#[derive(Debug, Default)]
pub(super) struct Callers {
    by_thread: HashMap<i32, i32>,
    since_ns: u64,
}

impl Callers {
    /// The process of a thread that waits; the thread itself if that cannot be told.
    pub(super) fn process_of(&mut self, thread: i32) -> i32 {
        let age = Duration::from_nanos(monotonic_ns().saturating_sub(self.since_ns));
        if age > BELIEVED {
            self.by_thread.clear();
            self.since_ns = monotonic_ns();
        }
        *self
            .by_thread
            .entry(thread)
            .or_insert_with(|| process_of(thread).unwrap_or(thread))
    }
}

/// The process of a thread.
pub(super) fn process_of(thread: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}

/// What a process is called.
pub(super) fn name_of(process: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{process}/comm"));
    name.map_or_else(
        |_ended| "ended since".to_owned(),
        |name| name.trim_end().to_owned(),
    )
}
