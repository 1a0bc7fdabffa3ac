//! Everything on a host that could be named as a target.

use injector_core::plan::{Cgroup, Interface, InterfaceKind, Inventory, Namespace, Process};
use injector_core::target::{Container, Pattern, Selector, unit_of};

/// One thing that could suffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) selector: Selector,
    pub(super) about: String,
    /// Why it never is a target, if it is protected.
    pub(super) protected: Option<String>,
}

/// Containers and units, namespaces and their interfaces, other cgroups, and processes.
pub(super) fn candidates(inventory: &Inventory) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = inventory
        .containers
        .iter()
        .filter_map(|one| container(one, inventory))
        .collect();
    let units = inventory.units.iter();
    found.extend(units.filter_map(|path| unit(path, inventory)));
    for namespace in &inventory.namespaces {
        found.extend(named(namespace));
        found.extend(
            namespace
                .interfaces
                .iter()
                .map(|one| interface(namespace, one)),
        );
    }
    let mut cgroups: Vec<Candidate> = inventory
        .cgroups
        .iter()
        .filter(|cgroup| !cgroup.is_root && !cgroup.members.is_empty())
        .filter(|cgroup| !has_a_name(&cgroup.path))
        .map(|one| cgroup(one, inventory))
        .collect();
    cgroups.sort_by(|left, right| left.selector.cmp(&right.selector));
    // The same path in several hierarchies is one name.
    cgroups.dedup_by(|later, first| later.selector == first.selector);
    found.extend(cgroups);
    found.extend(inventory.processes.iter().map(process));
    found
}

/// Whether it is listed as what it is and not as a cgroup.
fn has_a_name(path: &str) -> bool {
    Container::of_path(path).is_some() || unit_of(path).is_some()
}

/// None for one without processes, as far as we see.
fn container(container: &Container, inventory: &Inventory) -> Option<Candidate> {
    let used = used(&container.paths, inventory)?;
    let made_by = format!("{} {}", container.runtime, container.short_id());
    let pattern = Pattern::Exact(container.label().to_owned());
    Some(Candidate {
        selector: Selector::Container(pattern),
        about: format!("{made_by}, {}", used.about),
        protected: used.protected,
    })
}

fn unit(path: &str, inventory: &Inventory) -> Option<Candidate> {
    let used = used(&[path.to_owned()], inventory)?;
    let pattern = Pattern::Exact(unit_of(path)?.to_owned());
    Some(Candidate {
        selector: Selector::Unit(pattern),
        about: format!("{path}, {}", used.about),
        protected: used.protected,
    })
}

/// The first cgroup of these paths that has processes.
fn used(paths: &[String], inventory: &Inventory) -> Option<Candidate> {
    let mut cgroups = inventory.cgroups.iter();
    let found = cgroups.find(|one| paths.contains(&one.path) && !one.members.is_empty())?;
    Some(cgroup(found, inventory))
}

fn named(namespace: &Namespace) -> Option<Candidate> {
    if namespace.is_host {
        return None;
    }
    let up = namespace
        .interfaces
        .iter()
        .filter(|interface| interface.up)
        .count();
    let members = namespace.members.as_ref().map(Vec::len);
    let members = members.map_or_else(String::new, |count| format!(", {count} processes"));
    Some(Candidate {
        selector: Selector::Netns(name_of(namespace)),
        about: format!("{up} interfaces up{members}"),
        protected: None,
    })
}

fn interface(namespace: &Namespace, interface: &Interface) -> Candidate {
    let kind = match &interface.kind {
        InterfaceKind::Ethernet => "Ethernet",
        InterfaceKind::Loopback => "loopback",
        InterfaceKind::Other(kind) => kind,
    };
    let state = if interface.up { "up" } else { "down" };
    Candidate {
        selector: Selector::Iface {
            name: interface.name.clone(),
            netns: (!namespace.is_host).then(|| name_of(namespace)),
        },
        about: format!("{kind}, {state}"),
        protected: None,
    }
}

fn cgroup(cgroup: &Cgroup, inventory: &Inventory) -> Candidate {
    let member = |process: &&Process| cgroup.members.contains(&process.pid);
    let mut members = inventory.processes.iter().filter(member);
    let protected = members.find_map(|process| Some((process, process.protected.as_ref()?)));
    let state = if cgroup.frozen { ", frozen" } else { "" };
    Candidate {
        selector: Selector::Cgroup(cgroup.path.clone()),
        about: format!("{} processes{state}", cgroup.members.len()),
        protected: protected.map(|(process, why)| format!("{} in it: {}", process.comm, why.0)),
    }
}

fn process(process: &Process) -> Candidate {
    Candidate {
        selector: Selector::Pid(process.pid),
        about: process.comm.clone(),
        protected: process.protected.as_ref().map(|why| why.0.clone()),
    }
}

fn name_of(namespace: &Namespace) -> String {
    namespace
        .name
        .clone()
        .unwrap_or_else(|| namespace.handle.clone())
}
