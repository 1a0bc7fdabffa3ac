//! A clock that stands still with its process.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::poll::{PollTimeout, poll};

const TICK_MS: u8 = 5;

/// A thread that notes the time.
#[derive(Debug)]
pub(crate) struct Ticking {
    notes: Arc<Mutex<Vec<Instant>>>,
}

impl Ticking {
    pub(crate) fn start() -> Result<Self> {
        let notes = Arc::new(Mutex::new(vec![Instant::now()]));
        let taken = Arc::clone(&notes);
        thread::Builder::new().spawn(move || {
            while poll(&mut [], PollTimeout::from(TICK_MS)).is_ok() {
                let mut notes = taken.lock().unwrap_or_else(PoisonError::into_inner);
                notes.push(Instant::now());
            }
        })?;
        Ok(Self { notes })
    }

    /// Pauses longer than this since the last such question, in milliseconds.
    pub(crate) fn pauses(&self, longer_than_ms: u64) -> Vec<u64> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let least = Duration::from_millis(longer_than_ms);
        let pauses = notes.windows(2).map(|pair| pair[1] - pair[0]);
        let found = pauses
            .filter(|pause| *pause > least)
            .map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
            .collect();
        let last = notes.pop();
        notes.clear();
        notes.extend(last);
        found
    }
}
