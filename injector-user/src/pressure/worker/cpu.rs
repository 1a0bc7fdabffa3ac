//! Processor time: each worker calculates for its share of short periods, by its own processor's clock.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::super::page::{Page, Word};
use super::life::Life;
use super::threads::work_on;
use crate::clock::monotonic_ns;

/// Long against a sleep's error (50 us), short against what anybody measures.
const PERIOD_NS: u64 = 10_000_000;

/// What load is a hundredth of a percent of.
const WHOLE: u64 = 10_000;

/// Some microseconds of work between two looks at the clock.
const STEPS: u64 = 4_000;

/// Goes on until it may not; the threads end with the process.
pub(super) fn calculate(life: &Life, workers: u32, load: u16) -> io::Result<()> {
    work_on(life, workers, |index| {
        work(life, Share::new(load), start_of(index, workers));
        Ok(())
    })
}

/// Workers begin one after the other, so that their busy times are spread over the period.
fn start_of(index: u32, workers: u32) -> u64 {
    PERIOD_NS * u64::from(index) / u64::from(workers.max(1))
}

fn work(life: &Life, mut share: Share, wait_ns: u64) {
    if !life.rest(Duration::from_nanos(wait_ns)) {
        return;
    }
    let mut begun = monotonic_ns();
    let mut used = own_time();
    while life.goes_on() {
        let budget = share.budget();
        let stop = begun + PERIOD_NS;
        while own_time() - used < budget && monotonic_ns() < stop {
            black_box(step(black_box(begun)));
        }
        let now = monotonic_ns();
        if now < stop && !life.rest(Duration::from_nanos(stop - now)) {
            return;
        }
        let (ended, all) = (monotonic_ns(), own_time());
        share.settle(ended - begun, all - used);
        note(life.page(), ended - begun, all - used);
        (begun, used) = (ended, all);
    }
}

fn note(page: &Page, elapsed: u64, busy: u64) {
    page.add(Word::Elapsed, elapsed);
    page.add(Word::Busy, busy);
}

fn step(seed: u64) -> u64 {
    (0..STEPS).fold(seed, |sum, number| {
        sum.rotate_left(7).wrapping_mul(number | 1) ^ number
    })
}

/// The processor time that the calling thread has used.
fn own_time() -> u64 {
    // A thread always may look at its own clock.
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// What a worker still owes, of the last two periods at most: who was kept from the processor does not
/// take more than was asked for afterwards.
#[derive(Clone, Copy, Debug)]
struct Share {
    load: u64,
    owed: i64,
}

impl Share {
    fn new(load: u16) -> Self {
        let load = u64::from(load);
        Self {
            load,
            owed: signed(PERIOD_NS * load / WHOLE),
        }
    }

    /// How much processor time to use in the period that begins.
    fn budget(self) -> u64 {
        u64::try_from(self.owed).unwrap_or_default()
    }

    /// A period has taken so long, in which so much was used.
    fn settle(&mut self, elapsed: u64, used: u64) {
        let due = signed(elapsed * self.load / WHOLE);
        let most = signed(PERIOD_NS * 2 * self.load / WHOLE);
        self.owed = (self.owed + due - signed(used)).clamp(-most, most);
    }
}

/// Times here are far below 2^63 ns.
fn signed(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{PERIOD_NS, Share};

    /// What is used in all where each period takes longer than meant and can be overdrawn.
    fn used(load: u16, late: u64, overdraft: u64) -> (u64, u64) {
        let mut share = Share::new(load);
        let (mut elapsed, mut used) = (0, 0);
        for _ in 0..1_000 {
            let this = share.budget().min(PERIOD_NS) + overdraft;
            let took = PERIOD_NS.max(this) + late;
            share.settle(took, this);
            elapsed += took;
            used += this;
        }
        (used, elapsed)
    }

    #[test]
    fn late_sleeps_and_long_steps_do_not_change_the_share() {
        for (load, late, overdraft) in [
            (5_000, 90_000, 20_000),
            (1_000, 500_000, 5_000),
            (9_000, 0, 0),
        ] {
            let (used, elapsed) = used(load, late, overdraft);
            let share = used * 10_000 / elapsed;
            assert!(share.abs_diff(u64::from(load)) <= 20, "{load}: {share}");
        }
    }

    #[test]
    fn who_was_kept_waiting_does_not_catch_up_for_long() {
        let mut share = Share::new(5_000);
        share.settle(1_000 * PERIOD_NS, 0);
        assert_eq!(share.budget(), PERIOD_NS);
    }
}
