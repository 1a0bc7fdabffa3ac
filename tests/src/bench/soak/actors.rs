//! Everybody who takes part, each in a thread of its own, until it is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};
use injector_user::sys::poll;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::churn::churn;
use super::hog::gorge;
use super::life;
use super::place::{Place, flow};
use super::tally::Tally;

/// Whether it is.
#[derive(Debug, Default)]
pub(super) struct Over(AtomicBool);

impl Over {
    pub(super) fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn declare(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Faults that are under way at once, or would be.
const WORKERS: u16 = 200;
/// Cgroups in which processes come and go, and how many in each second.
const CHURNS: usize = 4;
const BIRTHS: u64 = 250;

type Handles<'scope> = Vec<ScopedJoinHandle<'scope, Result<()>>>;

/// Sets everybody to work; each half of the soak has other luck.
pub(super) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    place: &'scope Place,
    over: &'scope Over,
    tally: &'scope Tally,
    half: u64,
) -> Handles<'scope> {
    let mut handles = Handles::new();
    for worker in 0..WORKERS {
        handles.push(scope.spawn(move || {
            let mut luck = StdRng::seed_from_u64(half << 32 | u64::from(worker));
            while !over.is() {
                life::live(place, worker, &mut luck, tally)?;
            }
            Ok(())
        }));
    }
    for netns in &place.namespaces {
        handles.push(scope.spawn(move || flow(netns, WORKERS, over, tally)));
    }
    for cgroup in place.cgroups.iter().take(CHURNS) {
        handles.push(scope.spawn(move || churn(cgroup, BIRTHS, over, tally)));
    }
    handles.push(scope.spawn(move || gorge(over, tally)));
    handles
}

/// Waits until everybody has stopped; the first who failed is the error.
pub(super) fn join(handles: Handles<'_>) -> Result<()> {
    let ended: Vec<Result<()>> = handles
        .into_iter()
        .map(|handle| {
            handle
                .join()
                .map_err(|_panic| anyhow!("somebody panicked"))?
        })
        .collect();
    ended.into_iter().collect()
}

/// Does nothing for so long.
pub(super) fn pause(duration: Duration) -> Result<()> {
    poll::wait_readable([], duration)?;
    Ok(())
}
