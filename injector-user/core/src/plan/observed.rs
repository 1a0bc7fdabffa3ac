//! Whom a selector means when somebody only looks: nothing is drawn, and nobody is protected from it.

use std::collections::BTreeSet;

use super::candidates::{candidates, nothing};
use super::decision::CgroupId;
use super::inventory::Inventory;
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Processes, Target, resolve};
use crate::target::Selector;

/// Whom to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Everybody.
    pub host: bool,
    /// These cgroups of version 2 with all below them.
    pub cgroups: Vec<CgroupId>,
    /// These processes with all that they start, where no such cgroup holds them all.
    pub thread_groups: BTreeSet<i32>,
}

/// Whom `selector` means on this host: all that match, as one.
///
/// # Errors
///
/// Nothing matches, or it means no processes.
pub fn observed(inventory: &Inventory, selector: &Selector) -> Result<Observed, Refusal> {
    if let Some(found) = candidates(inventory, selector) {
        if found.is_empty() {
            return Err(nothing(inventory, selector));
        }
        let mut all = Observed::default();
        for candidate in &found {
            all.add(&candidate.processes);
        }
        return Ok(all);
    }
    match resolve(inventory, selector, true)? {
        Target::Host => Ok(Observed {
            host: true,
            ..Observed::default()
        }),
        Target::Processes(processes) => {
            let mut all = Observed::default();
            all.add(&processes);
            Ok(all)
        }
        Target::Interfaces(..) => Err(Refusal::refused(
            "target",
            format!("{selector} means interfaces, and what is observed are processes"),
        )
        .hint(OF_PROCESSES)),
    }
}

impl Observed {
    fn add(&mut self, processes: &Processes<'_>) {
        let cgroups = processes.v2_cgroups();
        if cgroups.is_empty() {
            self.thread_groups.extend(processes.pids());
        }
        self.cgroups
            .extend(cgroups.into_iter().map(|cgroup| CgroupId {
                id: cgroup.id,
                path: cgroup.path.clone(),
            }));
    }
}
