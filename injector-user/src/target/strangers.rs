//! Who has come into a network namespace that was the target's alone.

use std::collections::BTreeSet;

use injector_core::plan::{Hook, Plan, Select, Who};
use injector_core::target::Selector;

use super::follow::{descends_from, members_anywhere};
use super::process::{netns_of, pids};

/// Processes that suffer and are not the target's: those in its namespaces that it did not start and
/// whose cgroup is not its own. None where packets are told by sockets, where a namespace itself is the
/// target, and where the target is there no more.
pub fn strangers(selector: &Selector, plan: &Plan) -> BTreeSet<i32> {
    let namespaces = namespaces_of(selector, plan);
    if namespaces.is_empty() {
        return BTreeSet::new();
    }
    let known = known(selector, plan);
    let all = pids().unwrap_or_default().into_iter();
    let inside = all.filter(|pid| netns_of(*pid).is_some_and(|inode| namespaces.contains(&inode)));
    let (own, strange): (BTreeSet<i32>, BTreeSet<i32>) =
        inside.partition(|pid| descends_from(*pid, &known));
    if own.is_empty() {
        return BTreeSet::new();
    }
    strange
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

/// The processes that the target consists of, or that have started the others.
fn known(selector: &Selector, plan: &Plan) -> BTreeSet<i32> {
    let planned = plan.who.iter().filter_map(|who| match who {
        Who::Process { pid, .. } => Some(*pid),
        Who::Interface { .. } => None,
    });
    let chosen = plan.chosen.iter().flat_map(|chosen| &chosen.things);
    let named = match selector {
        Selector::Cgroup(path) => Some(path),
        _ => None,
    };
    let cgroups = chosen.flat_map(|thing| &thing.cgroups).chain(named);
    let members = cgroups.flat_map(|path| members_anywhere(path));
    planned.chain(members).collect()
}
