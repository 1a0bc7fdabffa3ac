//! Which faults acted when.

use std::collections::BTreeSet;

/// One fault that acts, or will, or has: as somebody says who was asked now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acting {
    /// Its id, unique until the engine ends.
    pub fault: String,
    /// Such as `net.delay`.
    pub kind: String,
    /// Monotonic nanoseconds from which on it acts.
    pub from_ns: u64,
    /// When it stopped acting; none while it has not.
    pub until_ns: Option<u64>,
}

/// When one fault acted, as far as is known.
pub type Window = Acting;

/// When each of the faults acted that were seen so far, at most [`Windows::MOST`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    known: Vec<Window>,
    /// Those that act now and are not told apart any more.
    beyond: BTreeSet<Acting>,
    untold: u64,
}

impl Windows {
    /// As many as the kernel programs have slots for at a time.
    pub const MOST: usize = 64;

    /// Takes note of what is armed at `now_ns`. Who is not named any more has ended by now.
    pub fn look(&mut self, now_ns: u64, armed: &[Acting]) {
        for window in &mut self.known {
            let named = armed.iter().find(|one| is_same(one, window));
            match named {
                Some(named) => window.until_ns = named.until_ns,
                None => window.until_ns = window.until_ns.or(Some(now_ns)),
            }
        }
        let mut beyond = BTreeSet::new();
        for one in armed {
            if self.known.iter().any(|window| is_same(one, window)) {
                continue;
            }
            if self.known.len() < Self::MOST {
                self.known.push(one.clone());
                continue;
            }
            let is_new = !self.beyond.iter().any(|before| is_same(one, before));
            self.untold += u64::from(is_new);
            beyond.insert(one.clone());
        }
        self.beyond = beyond;
    }

    /// The faults that acted then, by their places in [`Windows::known`].
    pub fn at(&self, at_ns: u64) -> impl Iterator<Item = usize> {
        let known = self.known.iter().enumerate();
        known.filter_map(move |(place, window)| acted(window, at_ns).then_some(place))
    }

    /// Whether one acts then that is not told apart.
    pub fn is_beyond(&self, at_ns: u64) -> bool {
        self.beyond.iter().any(|one| acted(one, at_ns))
    }

    /// In the order in which they were seen first.
    pub fn known(&self) -> &[Window] {
        &self.known
    }

    /// How many more there were.
    pub fn untold(&self) -> u64 {
        self.untold
    }

    /// For how long a fault acted between two moments.
    pub(super) fn acted_ns(window: &Window, from_ns: u64, until_ns: u64) -> u64 {
        let until = window.until_ns.unwrap_or(until_ns).min(until_ns);
        until.saturating_sub(window.from_ns.max(from_ns))
    }

    /// For how long at least one acted between two moments, of those that are told apart.
    pub(super) fn disturbed_ns(&self, from_ns: u64, until_ns: u64) -> u64 {
        let mut windows: Vec<&Window> = self.known.iter().collect();
        windows.sort_by_key(|window| window.from_ns);
        let (mut total, mut covered) = (0, from_ns);
        for window in windows {
            total += Self::acted_ns(window, covered, until_ns);
            covered = covered.max(window.until_ns.unwrap_or(until_ns).min(until_ns));
        }
        total
    }
}

/// A new engine begins to number anew.
fn is_same(left: &Acting, right: &Acting) -> bool {
    (&left.fault, left.from_ns) == (&right.fault, right.from_ns)
}

fn acted(window: &Window, at_ns: u64) -> bool {
    window.from_ns <= at_ns && window.until_ns.is_none_or(|until| at_ns < until)
}

#[cfg(test)]
mod tests {
    use super::{Acting, Windows};

    fn acting(number: u64, from_ns: u64, until_ns: Option<u64>) -> Acting {
        Acting {
            fault: format!("f{number}"),
            kind: "net.delay".to_owned(),
            from_ns,
            until_ns,
        }
    }

    fn at(windows: &Windows, at_ns: u64) -> Vec<usize> {
        windows.at(at_ns).collect()
    }

    #[test]
    fn a_fault_acts_from_its_beginning_until_it_is_seen_no_more() {
        let mut windows = Windows::default();
        windows.look(100, &[acting(1, 50, None)]);
        assert_eq!((at(&windows, 49), at(&windows, 50)), (vec![], vec![0]));
        windows.look(200, &[]);
        assert_eq!((at(&windows, 199), at(&windows, 200)), (vec![0], vec![]));
        windows.look(300, &[]);
        assert_eq!(windows.known()[0].until_ns, Some(200));
    }

    #[test]
    fn an_end_that_is_told_is_believed() {
        let mut windows = Windows::default();
        windows.look(100, &[acting(1, 50, None)]);
        windows.look(200, &[acting(1, 50, Some(120))]);
        assert_eq!((at(&windows, 119), at(&windows, 120)), (vec![0], vec![]));
    }

    #[test]
    fn the_same_name_later_is_another_fault() {
        let mut windows = Windows::default();
        windows.look(10, &[acting(1, 5, None)]);
        windows.look(20, &[acting(1, 15, None)]);
        assert_eq!((at(&windows, 12), at(&windows, 20)), (vec![0], vec![1]));
    }

    #[test]
    fn beyond_the_bound_faults_are_counted_and_not_told_apart() {
        let mut windows = Windows::default();
        let most = u64::try_from(Windows::MOST).unwrap();
        let all: Vec<_> = (0..most + 3).map(|n| acting(n, 10, None)).collect();
        windows.look(20, &all);
        windows.look(30, &all);
        assert_eq!(
            (windows.known().len(), windows.untold()),
            (Windows::MOST, 3)
        );
        assert!(windows.is_beyond(10) && !windows.is_beyond(9));
        windows.look(40, &[]);
        assert!(!windows.is_beyond(35));
    }

    #[test]
    fn time_in_which_several_act_is_disturbed_once() {
        let mut windows = Windows::default();
        windows.look(
            0,
            &[
                acting(1, 10, Some(30)),
                acting(2, 20, Some(40)),
                acting(3, 60, None),
            ],
        );
        assert_eq!(windows.disturbed_ns(0, 100), 30 + 40);
        assert_eq!(windows.disturbed_ns(25, 35), 10);
        assert_eq!(windows.disturbed_ns(45, 55), 0);
    }
}
