//! Saying that long work goes on.
//!
//! Attaching and detaching wait for the kernel, some ticks for each place, and a fault may have a
//! hundred places. Without a sign in between the leases of all other faults would run out meanwhile,
//! and the keeper would take the engine for stuck.

use std::fmt;

/// Whoever is told after each step, and says until when faults may act (monotonic nanoseconds).
#[derive(Default)]
pub(super) struct Alive(Option<Box<dyn Fn() -> u64 + Send>>);

impl Alive {
    pub(super) fn telling(whom: impl Fn() -> u64 + Send + 'static) -> Self {
        Self(Some(Box::new(whom)))
    }

    /// One step is done. Nothing if there is nobody to tell.
    pub(super) fn step(&self) -> Option<u64> {
        self.0.as_ref().map(|tell| tell())
    }
}

impl fmt::Debug for Alive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alive").field(&self.0.is_some()).finish()
    }
}
