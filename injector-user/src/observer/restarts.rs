//! How often targets came back, or others took their place.

use std::collections::{BTreeMap, BTreeSet};

use injector_core::plan::Observed;
use injector_core::target::Selector;
use procfs::process::Process;

/// What is known of each target that somebody wants to look at.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    by_target: BTreeMap<Selector, Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Who it was when it was last there; kept while it is not.
    members: BTreeSet<Member>,
    restarts: u64,
}

/// Who is the same from one look to the next, and nobody else.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    /// By its number: one that is made anew has another, whatever its path.
    Cgroup(u64),
    /// Numbers of processes are given again, but not within the same tick.
    Process { pid: i32, start_time: u64 },
}

impl Restarts {
    /// Takes in whom targets mean now; those that nobody wants any more are forgotten.
    pub(super) fn look(&mut self, targets: &BTreeMap<Selector, Option<Observed>>) {
        self.by_target
            .retain(|target, _known| targets.contains_key(target));
        for (target, meant) in targets {
            let now = meant.as_ref().map(members).unwrap_or_default();
            let known = self.by_target.entry(target.clone()).or_default();
            known.look(now);
        }
    }

    /// How often it was somebody else than before, for as long as it is looked at.
    pub(super) fn of(&self, target: &Selector) -> u64 {
        self.by_target.get(target).map_or(0, |known| known.restarts)
    }
}

impl Known {
    fn look(&mut self, now: BTreeSet<Member>) {
        if now.is_empty() {
            return;
        }
        // Its first appearance is none.
        if !self.members.is_empty() && self.members.is_disjoint(&now) {
            self.restarts += 1;
        }
        self.members = now;
    }
}

/// The host has none: it is always there.
fn members(meant: &Observed) -> BTreeSet<Member> {
    let cgroups = meant.cgroups.iter();
    let cgroups = cgroups.map(|cgroup| Member::Cgroup(cgroup.id));
    let processes = meant.thread_groups.iter().filter_map(|pid| process(*pid));
    cgroups.chain(processes).collect()
}

/// None if it has ended meanwhile.
fn process(pid: i32) -> Option<Member> {
    let stat = Process::new(pid).ok()?.stat().ok()?;
    Some(Member::Process {
        pid,
        start_time: stat.starttime,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use injector_core::plan::{CgroupId, Observed};
    use injector_core::target::Selector;

    use super::{Known, Member, Restarts};

    fn target() -> Selector {
        Selector::Cgroup("/web".to_owned())
    }

    /// The target as these cgroups; as none it is not there.
    fn looked(restarts: &mut Restarts, cgroups: &[u64]) -> u64 {
        let cgroups = cgroups.iter().map(|id| CgroupId {
            id: *id,
            path: "/web".to_owned(),
        });
        let meant = Observed {
            cgroups: cgroups.collect(),
            ..Observed::default()
        };
        let meant = (!meant.cgroups.is_empty()).then_some(meant);
        restarts.look(&[(target(), meant)].into());
        restarts.of(&target())
    }

    fn check(looks: &[(&[u64], u64)]) {
        let mut restarts = Restarts::default();
        for (at, (cgroups, expected)) in looks.iter().enumerate() {
            assert_eq!(looked(&mut restarts, cgroups), *expected, "look {at}");
        }
    }

    #[test]
    fn a_first_appearance_is_no_restart() {
        check(&[(&[], 0), (&[1], 0), (&[1], 0)]);
    }

    #[test]
    fn who_comes_back_as_somebody_else_has_restarted() {
        check(&[(&[1], 0), (&[2], 1), (&[2], 1), (&[], 1), (&[3], 2)]);
    }

    #[test]
    fn who_was_overlooked_and_is_the_same_has_not() {
        check(&[(&[1], 0), (&[], 0), (&[1], 0)]);
    }

    #[test]
    fn who_was_replaced_one_by_one_has_not() {
        check(&[(&[1], 0), (&[1, 2], 0), (&[2, 3], 0), (&[4, 5], 1)]);
    }

    #[test]
    fn a_number_that_is_given_again_is_somebody_else() {
        let process = |start_time| Member::Process { pid: 7, start_time };
        let mut known = Known::default();
        known.look([process(1)].into());
        known.look([process(2)].into());
        assert_eq!(known.restarts, 1);
    }

    #[test]
    fn a_target_that_nobody_wants_is_forgotten() {
        let mut restarts = Restarts::default();
        looked(&mut restarts, &[1]);
        looked(&mut restarts, &[2]);
        restarts.look(&BTreeMap::new());
        assert_eq!(restarts.by_target.len(), 0);
        assert_eq!(looked(&mut restarts, &[3]), 0);
    }
}
