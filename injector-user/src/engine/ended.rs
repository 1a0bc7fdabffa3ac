//! Reports of faults that have ended, for whoever asks late.

use std::collections::VecDeque;

use crate::protocol::{Answer, FaultReport};

/// So many are kept.
const KEPT: usize = 256;
/// So many are given at once: one may be of thousands of processes.
const PAGE: usize = 16;

/// The newest of them, numbered in the order in which they ended.
#[derive(Debug, Default)]
pub(super) struct EndedFaults {
    /// Newest last.
    kept: VecDeque<FaultReport>,
    /// Faults that have ended so far.
    count: u64,
}

impl EndedFaults {
    pub(super) fn add(&mut self, report: FaultReport) {
        self.count += 1;
        self.kept.push_back(report);
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<&FaultReport> {
        self.kept.iter().find(|report| report.fault == id)
    }

    /// The oldest that are kept from number `after` on.
    pub(super) fn page(&self, after: u64) -> Answer {
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        let oldest = self.count - kept;
        let first = after.clamp(oldest, self.count);
        let skipped = usize::try_from(first - oldest).unwrap_or(usize::MAX);
        let faults: Vec<FaultReport> = self.kept.iter().skip(skipped).take(PAGE).cloned().collect();
        Answer::Ended {
            next: first + u64::try_from(faults.len()).unwrap_or(u64::MAX),
            forgotten: first.saturating_sub(after),
            faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EndedFaults, KEPT, PAGE};
    use crate::protocol::{Answer, FaultReport};

    fn after(ended: usize) -> EndedFaults {
        let report = include_str!("../../tests/cli/fault.json");
        let report: FaultReport = serde_json::from_str(report).unwrap();
        let mut faults = EndedFaults::default();
        for number in 0..ended {
            let fault = format!("net.loss-{number}");
            faults.add(FaultReport {
                fault,
                ..report.clone()
            });
        }
        faults
    }

    /// The numbers of the faults on a page, what to ask for next, and how many are forgotten.
    fn page(faults: &EndedFaults, after: u64) -> (Vec<usize>, u64, u64) {
        let Answer::Ended {
            faults,
            next,
            forgotten,
        } = faults.page(after)
        else {
            panic!("another answer");
        };
        let number = |report: &FaultReport| report.fault["net.loss-".len()..].parse().unwrap();
        (faults.iter().map(number).collect(), next, forgotten)
    }

    #[test]
    fn each_is_given_once_and_in_order() {
        let faults = after(PAGE + 2);
        let (first, next, forgotten) = page(&faults, 0);
        assert_eq!((first, forgotten), ((0..PAGE).collect(), 0));
        let (rest, next, forgotten) = page(&faults, next);
        assert_eq!((rest, forgotten), (vec![PAGE, PAGE + 1], 0));
        assert_eq!(page(&faults, next), (vec![], next, 0));
    }

    #[test]
    fn who_asks_for_the_future_learns_where_it_begins() {
        assert_eq!(page(&after(3), u64::MAX), (vec![], 3, 0));
        assert_eq!(page(&after(0), 0), (vec![], 0, 0));
    }

    #[test]
    fn only_the_newest_are_kept_and_who_is_late_is_told_how_many_are_not() {
        let faults = after(KEPT + 5);
        assert_eq!(faults.kept.len(), KEPT);
        assert!(faults.find("net.loss-4").is_none() && faults.find("net.loss-5").is_some());
        let (given, _, forgotten) = page(&faults, 2);
        assert_eq!((given, forgotten), ((5..5 + PAGE).collect(), 3));
    }
}
