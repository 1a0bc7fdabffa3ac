//! Saying that long work goes on.
//!
//! Attaching and detaching wait for the kernel, some ticks for each place, and a fault may have a
//! hundred places. Without a sign in between the leases of all other faults would run out meanwhile,
//! and the keeper would take the engine for stuck.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How often to say it while a single step takes long.
const SIGN: Duration = Duration::from_millis(50);

/// Whoever is told after each step, and says until when faults may act (monotonic nanoseconds).
#[derive(Default)]
pub(super) struct Alive(Option<Box<dyn Fn() -> u64 + Send>>);

impl Alive {
    pub(super) fn telling(whom: impl Fn() -> u64 + Send + 'static) -> Self {
        Self(Some(Box::new(whom)))
    }

    /// Does `work` on another thread, and says meanwhile that it goes on; `renew` is told until when faults
    /// may act.
    pub(super) fn during<T: Send>(
        &self,
        renew: impl Fn(u64),
        work: impl FnOnce() -> T + Send,
    ) -> T {
        let (done, at_work) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let worker = scope.spawn(move || {
                // Goes with the end of the work, also by a panic.
                let _done = done;
                work()
            });
            loop {
                if let Some(until_ns) = self.step() {
                    renew(until_ns);
                }
                if at_work.recv_timeout(SIGN) == Err(RecvTimeoutError::Disconnected) {
                    break;
                }
            }
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
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
