//! Who is in which class, so that every event is counted once and each target's can be added up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use injector_abi::trace::{CLASSES, REST};
use injector_core::plan::CgroupId;
use injector_core::target::Selector;

use super::people::People;

/// Labels of targets.
pub(super) type Labels = BTreeSet<String>;

/// Whom a class is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// Those in a cgroup and in none below it that has a class.
    Cgroup(CgroupId),
    /// Processes that are the same targets' by themselves.
    Processes(Labels),
}

/// The classes that there are. One that is nobody's any more counts for a while yet, as programs may be at
/// work that have looked it up before, and is the last to be given again.
#[derive(Debug)]
pub(super) struct Classes {
    by_group: BTreeMap<Group, u32>,
    free: VecDeque<u32>,
    /// Those that are nobody's any more, and since when.
    left: Vec<(Instant, u32)>,
    /// Of each class that counts, and of [`REST`].
    pub(super) labels: BTreeMap<u32, Labels>,
    /// Groups that got no class.
    pub(super) left_out: usize,
}

/// Who has moved into which class.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Assigned {
    pub(super) cgroups: BTreeMap<CgroupId, u32>,
    pub(super) thread_groups: BTreeMap<i32, u32>,
    pub(super) host: bool,
}

impl Default for Classes {
    fn default() -> Self {
        Self {
            by_group: BTreeMap::new(),
            free: (REST + 1..CLASSES).collect(),
            left: Vec::new(),
            labels: BTreeMap::new(),
            left_out: 0,
        }
    }
}

impl Classes {
    /// Puts everybody where they belong.
    pub(super) fn assign(&mut self, people: &People) -> Assigned {
        let wanted = Wish::of(people);
        self.leave_all_but(&wanted);
        let mut assigned = Assigned {
            host: wanted.host,
            ..Assigned::default()
        };
        self.left_out = 0;
        for (cgroup, labels) in wanted.cgroups {
            if let Some(class) = self.class_of(Group::Cgroup(cgroup.clone()), labels) {
                assigned.cgroups.insert(cgroup, class);
            }
        }
        for (labels, pids) in wanted.processes {
            if let Some(class) = self.class_of(Group::Processes(labels.clone()), labels) {
                assigned
                    .thread_groups
                    .extend(pids.into_iter().map(|pid| (pid, class)));
            }
        }
        let host = wanted.host.then(|| Labels::from([HOST.to_owned()]));
        self.labels.insert(REST, host.unwrap_or_default());
        assigned
    }

    fn class_of(&mut self, group: Group, labels: Labels) -> Option<u32> {
        let known = self.by_group.get(&group).copied();
        let Some(class) = known.or_else(|| self.free.pop_front()) else {
            self.left_out += 1;
            return None;
        };
        self.by_group.insert(group, class);
        self.labels.insert(class, labels);
        Some(class)
    }

    /// A class whose labels have changed goes, too: what it has counted was for the old ones.
    fn leave_all_but(&mut self, wanted: &Wish) {
        let (labels, left, now) = (&self.labels, &mut self.left, Instant::now());
        self.by_group.retain(|group, class| {
            let stays = match group {
                Group::Cgroup(cgroup) => wanted.cgroups.get(cgroup) == labels.get(class),
                Group::Processes(labels) => wanted.processes.contains_key(labels),
            };
            if !stays {
                left.push((now, *class));
            }
            stays
        });
    }

    /// Whether some have been nobody's for so long.
    pub(super) fn are_over(&self, since: Duration) -> bool {
        self.left.iter().any(|left| is_over(left, since))
    }

    /// Gives back the classes that have been nobody's for so long, with the labels that they had.
    pub(super) fn give_back(&mut self, since: Duration) -> BTreeMap<u32, Labels> {
        let over: Vec<_> = self
            .left
            .extract_if(.., |left| is_over(left, since))
            .collect();
        let over = over.into_iter().map(|(_since, class)| {
            self.free.push_back(class);
            (class, self.labels.remove(&class).unwrap_or_default())
        });
        over.collect()
    }
}

fn is_over((left, _class): &(Instant, u32), since: Duration) -> bool {
    left.elapsed() >= since
}

/// The label of everybody.
pub(super) const HOST: &str = "host";

/// Who should be in a class.
#[derive(Debug, Default)]
struct Wish {
    host: bool,
    cgroups: BTreeMap<CgroupId, Labels>,
    processes: BTreeMap<Labels, BTreeSet<i32>>,
}

impl Wish {
    fn of(people: &People) -> Self {
        let there = people
            .targets
            .iter()
            .filter_map(|(target, meant)| Some((target, meant.as_ref()?)));
        let there: Vec<_> = there.collect();
        let host = there.iter().any(|(_target, meant)| meant.host);
        let all = there.iter().flat_map(|(_target, meant)| &meant.cgroups);
        let all: BTreeSet<&CgroupId> = all.chain(&people.cgroups).collect();
        let outer = |path: &str| {
            let mut labels = holders(&there, path);
            labels.extend(host.then(|| HOST.to_owned()));
            labels
        };
        let cgroups = all.into_iter().map(|cgroup| {
            let mut labels = outer(&cgroup.path);
            if people.cgroups.contains(cgroup) {
                labels.insert(label_of(&cgroup.path));
            }
            (cgroup.clone(), labels)
        });
        let cgroups = cgroups.collect();
        let mut processes: BTreeMap<Labels, BTreeSet<i32>> = BTreeMap::new();
        for (pid, mut labels) in by_process(&there) {
            let home = people.homes.get(&pid);
            labels.extend(home.map(|path| outer(path)).unwrap_or_default());
            labels.extend(host.then(|| HOST.to_owned()));
            processes.entry(labels).or_default().insert(pid);
        }
        Self {
            host,
            cgroups,
            processes,
        }
    }
}

/// How one of the busiest cgroups is called.
pub(super) fn label_of(path: &str) -> String {
    Selector::Cgroup(path.to_owned()).to_string()
}

type There<'a> = [(&'a Selector, &'a injector_core::plan::Observed)];

/// Targets one of whose cgroups is this one or above it.
fn holders(there: &There<'_>, path: &str) -> Labels {
    let holds = |outer: &CgroupId| {
        let rest = path.strip_prefix(outer.path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let found = there
        .iter()
        .filter(|(_target, meant)| meant.cgroups.iter().any(holds));
    found.map(|(target, _meant)| target.to_string()).collect()
}

fn by_process(there: &There<'_>) -> BTreeMap<i32, Labels> {
    let mut found: BTreeMap<i32, Labels> = BTreeMap::new();
    for (target, meant) in there {
        for pid in &meant.thread_groups {
            found.entry(*pid).or_default().insert(target.to_string());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use injector_abi::trace::{CLASSES, REST};
    use injector_core::plan::{CgroupId, Observed};
    use injector_core::target::Selector;

    use super::{Classes, Labels, People};

    fn cgroup(id: u64, path: &str) -> CgroupId {
        CgroupId {
            id,
            path: path.to_owned(),
        }
    }

    fn target(path: &str, id: u64) -> (Selector, Option<Observed>) {
        let meant = Observed {
            cgroups: vec![cgroup(id, path)],
            ..Observed::default()
        };
        (Selector::Cgroup(path.to_owned()), Some(meant))
    }

    fn process(pid: i32) -> (Selector, Option<Observed>) {
        let meant = Observed {
            thread_groups: [pid].into(),
            ..Observed::default()
        };
        (Selector::Pid(pid), Some(meant))
    }

    fn host() -> (Selector, Option<Observed>) {
        let meant = Observed {
            host: true,
            ..Observed::default()
        };
        (Selector::Host, Some(meant))
    }

    fn labels(all: &[&str]) -> Labels {
        all.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn a_cgroup_inside_another_target_is_of_both_and_of_the_host() {
        let people = People {
            targets: [target("/a", 1), target("/a/b", 2), target("/ab", 3), host()].into(),
            ..People::default()
        };
        let mut classes = Classes::default();
        let assigned = classes.assign(&people);
        let of = |id, path: &str| &classes.labels[&assigned.cgroups[&cgroup(id, path)]];
        assert_eq!(of(1, "/a"), &labels(&["cgroup:/a", "host"]));
        assert_eq!(
            of(2, "/a/b"),
            &labels(&["cgroup:/a", "cgroup:/a/b", "host"])
        );
        assert_eq!(of(3, "/ab"), &labels(&["cgroup:/ab", "host"]));
        assert_eq!(classes.labels[&REST], labels(&["host"]));
    }

    #[test]
    fn a_process_is_also_of_the_cgroup_that_it_is_in() {
        let people = People {
            targets: [target("/a", 1), process(7), process(8)].into(),
            homes: [(7, "/a/b".to_owned()), (8, "/".to_owned())].into(),
            ..People::default()
        };
        let mut classes = Classes::default();
        let assigned = classes.assign(&people);
        let of = |pid| &classes.labels[&assigned.thread_groups[&pid]];
        assert_eq!(of(7), &labels(&["cgroup:/a", "pid:7"]));
        assert_eq!(of(8), &labels(&["pid:8"]));
    }

    #[test]
    fn a_class_stays_while_its_cgroup_does_and_is_given_again_last() {
        let one = |path, id| People {
            targets: [target(path, id)].into(),
            ..People::default()
        };
        let mut classes = Classes::default();
        let first = classes.assign(&one("/a", 1));
        assert_eq!(classes.assign(&one("/a", 1)).cgroups, first.cgroups);
        // The same path, made anew.
        let second = classes.assign(&one("/a", 2));
        let class = first.cgroups[&cgroup(1, "/a")];
        assert_ne!(second.cgroups[&cgroup(2, "/a")], class);
        assert_eq!(classes.give_back(Duration::MAX), BTreeMap::new());
        assert_eq!(classes.labels[&class], labels(&["cgroup:/a"]));
        let over = classes.give_back(Duration::ZERO);
        assert_eq!(over, [(class, labels(&["cgroup:/a"]))].into());
        assert_eq!(classes.free.back(), Some(&class));
    }

    #[test]
    fn who_gets_no_class_is_counted() {
        let many = (0..u64::from(CLASSES)).map(|id| cgroup(id, &format!("/{id}")));
        let people = People {
            cgroups: many.collect(),
            ..People::default()
        };
        let mut classes = Classes::default();
        let assigned = classes.assign(&people);
        assert_eq!(assigned.cgroups.len() + classes.left_out, CLASSES as usize);
        assert_eq!(classes.left_out, 2);
        assert_eq!(assigned.thread_groups, BTreeMap::new());
    }
}
