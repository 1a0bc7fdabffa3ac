//! Announcements that wait for their courier, and the count of those that waited in vain.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::announcement::Announcement;
use super::http::ANSWER;
use super::shortfall::Why;

/// So many wait for each destination. What comes when they are so many is counted, and lost.
pub const ROOM: usize = 256;
/// Once it is to be closed, nobody rests for longer by their own choice.
const SHORT_REST: Duration = Duration::from_millis(250);

/// Filled by whoever has news, emptied by one courier.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Announcement>,
    /// How many the courier has taken and not finished.
    in_hand: u64,
    undelivered: u64,
    why: Option<Why>,
    /// Nothing is delivered after this.
    closes: Option<Instant>,
}

impl Queue {
    /// Never waits.
    pub(super) fn put(&self, announcement: Announcement) {
        let mut state = self.lock();
        if state.waiting.len() < ROOM {
            state.waiting.push_back(announcement);
        } else {
            let full = format!("{ROOM} others were still to be delivered");
            let why = state.why.take().unwrap_or_else(|| Why::new(full, None));
            state.fail(1, why);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for something to deliver, at most so many at once; none once all is done.
    pub(super) fn take(&self, most: usize) -> Option<Vec<Announcement>> {
        let mut state = self.lock();
        while state.waiting.is_empty() && state.closes.is_none() {
            state = self.wait(state, None);
        }
        if state.is_closed() || state.waiting.is_empty() {
            return None;
        }
        let most = most.clamp(1, state.waiting.len());
        let batch: Vec<Announcement> = state.waiting.drain(..most).collect();
        state.in_hand = length(batch.len());
        drop(state);
        Some(batch)
    }

    /// The courier is done with what it has taken, of which so many were not delivered.
    pub(super) fn finished(&self, undelivered: Option<(usize, Why)>) {
        let mut state = self.lock();
        state.in_hand = 0;
        if let Some((count, why)) = undelivered {
            state.fail(length(count), why);
        } else {
            state.why = None;
        }
    }

    /// How long an answer may be waited for.
    pub(super) fn patience(&self) -> Duration {
        let closes = self.lock().closes;
        closes.map_or(ANSWER, |closes| {
            closes.saturating_duration_since(Instant::now())
        })
    }

    /// Rests before the next attempt, shorter if the queue is to be closed, unless the other side
    /// `asked` for it. False if there is no time left for another attempt.
    pub(super) fn rest(&self, pause: Duration, asked: bool) -> bool {
        let mut state = self.lock();
        let mut until = Instant::now() + pause;
        let mut hurries = false;
        loop {
            let now = Instant::now();
            if let Some(closes) = state.closes {
                if !asked && !hurries {
                    hurries = true;
                    until = until.min(now + SHORT_REST);
                }
                if until >= closes {
                    return false;
                }
            }
            if now >= until {
                return true;
            }
            state = self.wait(state, Some(until - now));
        }
    }

    /// Has the courier deliver what is there until then, and no more.
    pub(super) fn close(&self, closes: Instant) {
        self.lock().closes = Some(closes);
        self.changed.notify_all();
    }

    /// What was not delivered since this was asked the last time; with `left`, nothing more will be.
    pub(super) fn undelivered(&self, left: bool) -> Option<(u64, Why)> {
        let mut state = self.lock();
        if left {
            let count = state.in_hand + length(state.waiting.len());
            state.waiting.clear();
            state.in_hand = 0;
            state.undelivered += count;
        }
        let count = std::mem::take(&mut state.undelivered);
        let unknown = || Why::new("there was no time left for it", None);
        let why = state.why.clone().unwrap_or_else(unknown);
        drop(state);
        (count > 0).then_some((count, why))
    }

    /// Why the last attempt failed, for whoever waits meanwhile.
    pub(super) fn troubled(&self, why: &Why) {
        self.lock().why = Some(why.clone());
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        most: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match most {
            None => self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
            Some(most) => {
                let waited = self.changed.wait_timeout(state, most);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The counts are right between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fail(&mut self, count: u64, why: Why) {
        self.undelivered += count;
        self.why = Some(why);
    }

    fn is_closed(&self) -> bool {
        self.closes.is_some_and(|closes| Instant::now() >= closes)
    }
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
