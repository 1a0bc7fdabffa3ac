//! How early a thread has to be woken to be awake in time.

use std::time::Duration;

/// How long it has lately taken until a thread ran again that had slept long enough: that depends on
/// the processor, on how deep it sleeps, and under a hypervisor on other guests.
#[derive(Debug)]
pub(super) struct Waking {
    lateness: Duration,
}

/// Until something is known.
const USUAL: Duration = Duration::from_micros(20);
/// Whoever is woken early passes the rest of the time awake: not more than this.
const MOST: Duration = Duration::from_micros(100);
/// What came last weighs one in so many (an exponential moving average).
const MEMORY: u32 = 16;

impl Default for Waking {
    fn default() -> Self {
        Self { lateness: USUAL }
    }
}

impl Waking {
    /// How long to sleep in order to be awake after `time`.
    pub(super) fn sleep(&self, time: Duration) -> Duration {
        time.saturating_sub(self.lateness)
    }

    /// Learns that it was so much later than asked for.
    pub(super) fn note(&mut self, late: Duration) {
        let remembered = self.lateness * (MEMORY - 1) + late.min(MOST);
        self.lateness = remembered / MEMORY;
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, MOST, USUAL, Waking};

    const TIME: Duration = Duration::from_millis(1);

    /// How much too early, once that lateness has been seen many times.
    fn early(late: Duration) -> Duration {
        let mut waking = Waking::default();
        for _ in 0..500 {
            waking.note(late);
        }
        TIME.saturating_sub(waking.sleep(TIME))
    }

    #[test]
    fn it_wakes_as_early_as_it_was_late() {
        assert_eq!(Waking::default().sleep(TIME) + USUAL, TIME);
        let late = Duration::from_micros(70);
        let early = early(late);
        assert!(
            early <= late && early + Duration::from_micros(1) > late,
            "{early:?}"
        );
    }

    #[test]
    fn it_never_stays_awake_for_long() {
        assert!(early(Duration::from_secs(1)) <= MOST);
        assert_eq!(
            Waking::default().sleep(Duration::from_micros(5)),
            Duration::ZERO
        );
    }
}
