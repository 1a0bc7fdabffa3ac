//! A bounded queue of events, read in pages by whoever follows.

use std::collections::VecDeque;

/// How many are kept for a reader that does not come.
const KEPT: usize = 1 << 16;

/// How many are given at once.
pub const PAGE: usize = 1 << 12;

/// Events numbered from 0, of which the oldest go when there are too many.
#[derive(Clone, Debug)]
pub struct EventLog<T> {
    kept: VecDeque<T>,
    /// The number of the oldest that is kept.
    first: u64,
    dropped: u64,
}

/// Some events in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub events: Vec<T>,
    /// What to ask for next; everything before it may be forgotten then.
    pub next: u64,
    /// Whether that is all there is so far.
    pub all: bool,
}

impl<T> Default for EventLog<T> {
    fn default() -> Self {
        Self {
            kept: VecDeque::new(),
            first: 0,
            dropped: 0,
        }
    }
}

impl<T: Clone> EventLog<T> {
    pub fn push(&mut self, event: T) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
            self.first += 1;
            self.dropped += 1;
        }
        self.kept.push_back(event);
    }

    /// The next events from number `after` on; those before it have been read and are forgotten.
    pub fn page(&mut self, after: u64) -> Page<T> {
        let read = usize::try_from(after.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let read = read.min(self.kept.len());
        self.kept.drain(..read);
        self.first += u64::try_from(read).unwrap_or_default();
        let events: Vec<T> = self.kept.iter().take(PAGE).cloned().collect();
        Page {
            next: self.first + u64::try_from(events.len()).unwrap_or_default(),
            all: events.len() == self.kept.len(),
            events,
        }
    }

    /// How many there have been, dropped ones included.
    pub fn count(&self) -> u64 {
        self.first + u64::try_from(self.kept.len()).unwrap_or_default()
    }

    /// How many went before anybody read them.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::{EventLog, KEPT, PAGE, Page};

    #[test]
    fn pages_follow_one_another_without_gap_or_repetition() {
        let mut log = EventLog::default();
        (0..PAGE + 2).for_each(|event| log.push(event));
        let first = log.page(0);
        assert_eq!((first.events.len(), first.all), (PAGE, false));
        // Asked again, as after an answer that was lost, it says the same.
        assert_eq!(log.page(0), first);
        let second = log.page(first.next);
        let expected = Page {
            events: vec![PAGE, PAGE + 1],
            next: first.next + 2,
            all: true,
        };
        assert_eq!(second, expected);
        assert_eq!(log.page(second.next).events, Vec::<usize>::new());
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted() {
        let mut log = EventLog::default();
        (0..KEPT + 3).for_each(|event| log.push(event));
        assert_eq!(log.page(0).events.first(), Some(&3));
        assert_eq!((log.count(), log.dropped()), (KEPT as u64 + 3, 3));
    }
}
