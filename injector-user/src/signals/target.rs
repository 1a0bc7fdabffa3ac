//! Who is in the target now.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use injector_core::plan::{Hierarchy, Hook, Plan};
use procfs::process::Process;

use crate::safety::starts_container;
use crate::target::{cgroup_of, folder, has_vanished, members, with_descendants};

/// A process, told from one that gets its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    /// Clock ticks after boot; before the number, so that the oldest come first.
    pub(super) start_time: u64,
    pub(super) pid: i32,
}

/// The target of a plan, looked at anew whenever signals are sent.
#[derive(Clone, Debug)]
pub struct Targets {
    cgroups: Vec<Cgroup>,
    /// Processes by number and when they started: the planned ones, and what they have started.
    family: BTreeMap<i32, u64>,
}

#[derive(Clone, Debug)]
struct Cgroup {
    hierarchy: Hierarchy,
    path: String,
    folder: PathBuf,
}

impl Targets {
    /// Of a plan for signals. A hierarchy that is not mounted here has nobody for us.
    pub fn of(plan: &Plan) -> Self {
        let mut targets = Self {
            cgroups: Vec::new(),
            family: BTreeMap::new(),
        };
        for hook in &plan.hooks {
            match hook {
                Hook::Members { hierarchy, path } => {
                    let found = folder(hierarchy, path).map(|folder| Cgroup {
                        hierarchy: hierarchy.clone(),
                        path: path.clone(),
                        folder,
                    });
                    targets.cgroups.extend(found);
                }
                Hook::Family { pid, start_time } => {
                    targets.family.insert(*pid, *start_time);
                }
                Hook::Tcx { .. }
                | Hook::Cgroup { .. }
                | Hook::Sockets { .. }
                | Hook::Freezer { .. }
                | Hook::Function { .. }
                | Hook::Instructions { .. }
                | Hook::Exit { .. }
                | Hook::Filter { .. }
                | Hook::Workers { .. }
                | Hook::Setting { .. } => {}
            }
        }
        targets
    }

    /// Takes over where the target is now. Whom it has known stays known.
    pub(super) fn renew(&mut self, now: Self) {
        self.cgroups = now.cgroups;
        self.family.extend(now.family);
    }

    /// Everybody who lives, the oldest first; none if there is no target any more.
    pub(super) fn look(&mut self) -> io::Result<Option<Vec<Member>>> {
        self.meet_family();
        let mut found: BTreeSet<Member> = self.family.iter().map(member).collect();
        let mut exists = !self.family.is_empty();
        for cgroup in &self.cgroups {
            match members(&cgroup.folder) {
                Ok(pids) => found.extend(pids.into_iter().filter_map(alive).map(Member::of)),
                Err(error) if has_vanished(&error) => continue,
                Err(error) => return Err(error),
            }
            exists = true;
        }
        Ok(exists.then(|| found.into_iter().collect()))
    }

    /// Whether this is still the process it was, and still in the target.
    pub(super) fn holds(&self, member: Member) -> bool {
        let same = alive(member.pid).is_some_and(|now| now.start_time == member.start_time);
        same && (self.family.get(&member.pid) == Some(&member.start_time)
            || self.cgroups.iter().any(|cgroup| cgroup.holds(member.pid)))
    }

    /// Forgets who has ended and takes in who was started since.
    fn meet_family(&mut self) {
        let lives =
            |pid: &i32, start: &mut u64| alive(*pid).is_some_and(|now| now.start_time == *start);
        self.family.retain(lives);
        let known: Vec<i32> = self.family.keys().copied().collect();
        let all: BTreeSet<i32> = with_descendants(&known).into_iter().collect();
        for newcomer in all
            .iter()
            .filter(|pid| !self.family.contains_key(pid))
            .copied()
            .collect::<Vec<_>>()
        {
            // One that has got the number of a child since has another parent.
            if let Some(now) = alive(newcomer).filter(|now| all.contains(&now.parent)) {
                self.family.insert(newcomer, now.start_time);
            }
        }
    }
}

impl Cgroup {
    fn holds(&self, pid: i32) -> bool {
        let found = Process::new(pid).and_then(|process| cgroup_of(&process, &self.hierarchy));
        let Ok(Some(found)) = found else {
            return false;
        };
        let rest = found.strip_prefix(self.path.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Member {
    fn of(alive: Alive) -> Self {
        Self {
            start_time: alive.start_time,
            pid: alive.pid,
        }
    }
}

fn member((pid, start_time): (&i32, &u64)) -> Member {
    Member {
        start_time: *start_time,
        pid: *pid,
    }
}

#[derive(Clone, Copy, Debug)]
struct Alive {
    pid: i32,
    parent: i32,
    start_time: u64,
}

/// A process that a signal means something to: one that has not ended, nor is about to become
/// somebody else.
fn alive(pid: i32) -> Option<Alive> {
    let stat = Process::new(pid).and_then(|process| process.stat()).ok()?;
    let means_something = !['Z', 'X'].contains(&stat.state) && !starts_container(&stat.comm);
    means_something.then_some(Alive {
        pid,
        parent: stat.ppid,
        start_time: stat.starttime,
    })
}

/// What a process calls itself; nothing if it has ended.
pub(super) fn comm(pid: i32) -> String {
    let stat = Process::new(pid).and_then(|process| process.stat());
    stat.map(|stat| stat.comm).unwrap_or_default()
}
