//! Whom targets mean now: looked up again and again, as containers are restarted and processes come.

use std::collections::{BTreeMap, BTreeSet};

use injector_core::fault::Kind;
use injector_core::plan::{CgroupId, Hierarchy, Observed, Refusal, observed};
use injector_core::target::Selector;

use super::classes::label_of;
use super::wanted::Wanted;
use crate::safety::Protection;
use crate::target::{self, GatherError, Gathering, Mounts, Names};

/// Whom a target means cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum UnknownTarget {
    #[error("failed to find out whom a target means")]
    Gather(#[from] GatherError),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Everybody who is looked at.
#[derive(Debug, Default)]
pub(super) struct People {
    /// None for a target that is not there now.
    pub(super) targets: BTreeMap<Selector, Option<Observed>>,
    /// The cgroups of processes that are targets by themselves.
    pub(super) homes: BTreeMap<i32, String>,
    /// Every cgroup with processes, if the busiest are asked for.
    pub(super) cgroups: BTreeSet<CgroupId>,
}

impl People {
    /// Looks up everybody; a target that is not there is none.
    pub(super) fn look(wanted: &Wanted) -> Self {
        let found = |target: &Selector| (target.clone(), meant(target).ok());
        let targets: BTreeMap<_, _> = wanted.targets.iter().map(found).collect();
        let pids = targets
            .values()
            .flatten()
            .flat_map(|one| &one.thread_groups);
        let home = |pid: &i32| Some((*pid, home_of(*pid)?));
        let homes = pids.filter_map(home).collect();
        let cgroups = if wanted.top > 0 {
            inhabited()
        } else {
            BTreeSet::new()
        };
        Self {
            targets,
            homes,
            cgroups,
        }
    }
}

impl People {
    /// The labels of all targets, there or not, and of the cgroups that are there.
    pub(super) fn labels(&self) -> BTreeSet<String> {
        let targets = self.targets.keys().map(ToString::to_string);
        let cgroups = self.cgroups.iter().map(|cgroup| label_of(&cgroup.path));
        targets.chain(cgroups).collect()
    }

    /// Whether some are targets by themselves.
    pub(super) fn has_processes(&self) -> bool {
        let mut meant = self.targets.values().flatten();
        meant.any(|one| !one.thread_groups.is_empty())
    }
}

/// Whom a target means now.
pub(super) fn meant(target: &Selector) -> Result<Observed, UnknownTarget> {
    let names = Names::needed_by(target);
    let gathering = Gathering {
        command: None,
        names: &names,
        protection: &Protection::default(),
        own: &[],
    };
    // Of what a fault of sockets needs to know: processes and their cgroups.
    let inventory = target::gather(target, Kind::SockError, &gathering)?;
    Ok(observed(&inventory, target)?)
}

fn home_of(pid: i32) -> Option<String> {
    let process = procfs::process::Process::new(pid).ok()?;
    target::cgroup_of(&process, &Hierarchy::V2).ok()?
}

/// The cgroups of version 2 that have processes of their own, but for the root.
fn inhabited() -> BTreeSet<CgroupId> {
    let Ok(mounts) = Mounts::read() else {
        return BTreeSet::new();
    };
    let Some(mount) = mounts.get(&Hierarchy::V2) else {
        return BTreeSet::new();
    };
    target::inhabited(mount)
}
