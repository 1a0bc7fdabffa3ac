//! Who has come into a network namespace that was the target's alone.

use std::collections::{BTreeMap, BTreeSet};

use injector_core::plan::{Hook, Plan, Select, Who};
use injector_core::target::Selector;

use super::follow::{descends_from, members_anywhere};
use super::process::{netns_of, pids};

/// Who is in each network namespace, by its inode.
#[derive(Debug)]
pub struct Residents(BTreeMap<u64, Vec<i32>>);

impl Residents {
    /// Whether some of them could be strangers: the target had its namespaces for itself.
    pub fn matter_to(selector: &Selector, plan: &Plan) -> bool {
        !namespaces_of(selector, plan).is_empty()
    }

    /// Reads a link of every process on the host.
    pub fn look() -> Self {
        let mut found = BTreeMap::<u64, Vec<i32>>::new();
        for pid in pids().unwrap_or_default() {
            // One that cannot be read has vanished.
            if let Some(inode) = netns_of(pid) {
                found.entry(inode).or_default().push(pid);
            }
        }
        Self(found)
    }

    /// Processes that suffer and are not the target's: those in its namespaces that it did not start
    /// and whose cgroup is not its own. None where packets are told by sockets, where a namespace
    /// itself is the target, and where the target is there no more.
    pub fn strangers(&self, selector: &Selector, plan: &Plan) -> BTreeSet<i32> {
        let namespaces = namespaces_of(selector, plan);
        let inside = namespaces.iter().filter_map(|inode| self.0.get(inode));
        let inside: Vec<i32> = inside.flatten().copied().collect();
        let planned: BTreeSet<i32> = planned(plan).collect();
        if inside.iter().all(|pid| planned.contains(pid)) {
            return BTreeSet::new();
        }
        let known = planned.into_iter().chain(members(selector, plan)).collect();
        let (own, strange): (BTreeSet<i32>, BTreeSet<i32>) =
            inside.iter().partition(|pid| descends_from(**pid, &known));
        if own.is_empty() {
            return BTreeSet::new();
        }
        strange
    }
}

/// The namespaces in which everything suffers because the target was alone there.
fn namespaces_of(selector: &Selector, plan: &Plan) -> BTreeSet<u64> {
    let Select {
        cgroup,
        thread_groups,
        ..
    } = &plan.select;
    let named = matches!(selector, Selector::Netns(_) | Selector::Iface { .. });
    if named || cgroup.is_some() || !thread_groups.is_empty() {
        return BTreeSet::new();
    }
    let inodes = plan.hooks.iter().filter_map(|hook| match hook {
        Hook::Tcx { netns_inode, .. } => Some(*netns_inode),
        _of_cgroups_and_processes => None,
    });
    inodes.collect()
}

/// The processes that the target consisted of, or that have started the others.
fn planned(plan: &Plan) -> impl Iterator<Item = i32> {
    plan.who.iter().filter_map(|who| match who {
        Who::Process { pid, .. } => Some(*pid),
        Who::Interface { .. } => None,
    })
}

/// Who is in the target's cgroups, if it has any by name.
fn members(selector: &Selector, plan: &Plan) -> Vec<i32> {
    let chosen = plan.chosen.iter().flat_map(|chosen| &chosen.things);
    let named = match selector {
        Selector::Cgroup(path) => Some(path),
        _ => None,
    };
    let cgroups = chosen.flat_map(|thing| &thing.cgroups).chain(named);
    cgroups.flat_map(|path| members_anywhere(path)).collect()
}
