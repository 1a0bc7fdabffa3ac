//! How many lines there were, and which faults acted meanwhile.

use std::collections::BTreeMap;

use super::windows::Windows;

/// Lines of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub lines: u64,
    /// When the first and the last was seen, monotonic nanoseconds; 0 while there was none.
    pub first_ns: u64,
    pub last_ns: u64,
    /// While no fault acted.
    pub calm: u64,
    /// By the faults' places in [`Windows::known`]; a line during two faults is counted for both.
    pub during: BTreeMap<usize, u64>,
    /// During faults that are not told apart.
    pub during_untold: u64,
}

impl Count {
    /// Counts a line that was seen then.
    pub(super) fn add(&mut self, at_ns: u64, windows: &Windows) {
        if self.lines == 0 {
            self.first_ns = at_ns;
        }
        self.lines += 1;
        self.first_ns = self.first_ns.min(at_ns);
        self.last_ns = self.last_ns.max(at_ns);
        let beyond = windows.is_beyond(at_ns);
        self.during_untold += u64::from(beyond);
        let mut is_calm = !beyond;
        for place in windows.at(at_ns) {
            is_calm = false;
            *self.during.entry(place).or_default() += 1;
        }
        self.calm += u64::from(is_calm);
    }
}
