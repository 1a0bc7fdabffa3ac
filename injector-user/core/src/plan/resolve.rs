//! What a selector means on this host.

use std::collections::BTreeSet;

use super::candidates::nothing;
use super::inventory::{Cgroup, Hierarchy, Interface, Inventory, Namespace, Process};
use super::refusal::Refusal;
use crate::target::Selector;

/// What a fault of processes takes.
pub(super) const OF_PROCESSES: &str =
    "use pid:, cgroup:, container:, unit:, comm:, exe:, user: or `-- COMMAND`";
/// What helps where every interface is down.
pub(super) const LINK_UP: &str = "bring one up: ip link set NAME up";

/// What the selector matched.
#[derive(Debug)]
pub(super) enum Target<'a> {
    /// As a whole.
    Host,
    Processes(Processes<'a>),
    /// In one namespace; never empty.
    Interfaces(&'a Namespace, Vec<&'a Interface>),
}

/// Empty only for a command that has not started yet.
#[derive(Debug)]
pub(super) struct Processes<'a> {
    pub(super) all: Vec<&'a Process>,
    /// The selected cgroups, each in every hierarchy that has it; none if processes were selected.
    pub(super) cgroups: Vec<&'a Cgroup>,
}

impl<'a> Processes<'a> {
    pub(super) fn pids(&self) -> BTreeSet<i32> {
        self.all.iter().map(|process| process.pid).collect()
    }

    /// The selected v2 cgroup, if it is one and every target process is in it.
    pub(super) fn v2_cgroup(&self) -> Option<&'a Cgroup> {
        match self.v2_cgroups().as_slice() {
            [cgroup] => Some(cgroup),
            _ => None,
        }
    }

    /// The selected v2 cgroups, if every target process is in one of them.
    pub(super) fn v2_cgroups(&self) -> Vec<&'a Cgroup> {
        let mut selected = self.cgroups.clone();
        selected.retain(|cgroup| cgroup.hierarchy == Hierarchy::V2 && !cgroup.is_root);
        let members = selected.iter().flat_map(|cgroup| &cgroup.members);
        let members: BTreeSet<i32> = members.copied().collect();
        let mut all = self.all.iter();
        if all.all(|process| members.contains(&process.pid)) {
            selected
        } else {
            Vec::new()
        }
    }
}

/// What a selector means that is one thing by itself. The others are [`super::choose`]'s.
pub(super) fn resolve<'a>(
    inventory: &'a Inventory,
    selector: &Selector,
    all: bool,
) -> Result<Target<'a>, Refusal> {
    match selector {
        Selector::Host => Ok(Target::Host),
        Selector::Pid(pid) => by_pid(inventory, *pid).map(Target::Processes),
        Selector::Cgroup(path) => by_cgroup(inventory, path, all).map(Target::Processes),
        Selector::Command(_) => by_command(inventory).map(Target::Processes),
        Selector::Container(_)
        | Selector::Unit(_)
        | Selector::Comm(_)
        | Selector::Exe(_)
        | Selector::User(_) => Err(nothing(inventory, selector)),
        Selector::Netns(name) => {
            let namespace = by_netns(inventory, name)?;
            let up = namespace.interfaces.iter().filter(|interface| interface.up);
            let up: Vec<_> = up.collect();
            if up.is_empty() {
                return Err(
                    Refusal::input("target", format!("no interface of {namespace} is up"))
                        .hint(LINK_UP),
                );
            }
            Ok(Target::Interfaces(namespace, up))
        }
        Selector::Iface { name, netns } => {
            let namespace = match netns {
                Some(netns) => by_netns(inventory, netns)?,
                None => host(inventory)?,
            };
            let interface = by_name(namespace, name)?;
            Ok(Target::Interfaces(namespace, vec![interface]))
        }
    }
}

/// The namespace the engine is in.
pub(super) fn host(inventory: &Inventory) -> Result<&Namespace, Refusal> {
    let host = inventory
        .namespaces
        .iter()
        .find(|namespace| namespace.is_host);
    host.ok_or_else(|| {
        Refusal::refused("target", "the host's network namespace could not be read")
            .hint("is /proc mounted, and readable? or name a namespace: iface:NAME@NETNS")
    })
}

fn by_pid(inventory: &Inventory, pid: i32) -> Result<Processes<'_>, Refusal> {
    let all = with_descendants(inventory, pid);
    if all.is_empty() {
        return Err(
            Refusal::input("target", format!("there is no process {pid}"))
                .hint("`temblor targets` lists what there is"),
        );
    }
    Ok(Processes {
        all,
        cgroups: Vec::new(),
    })
}

/// A process and everything it and its children started, by pid.
pub(super) fn with_descendants(inventory: &Inventory, pid: i32) -> Vec<&Process> {
    let mut pids = BTreeSet::from([pid]);
    loop {
        let children = inventory
            .processes
            .iter()
            .filter(|process| pids.contains(&process.ppid));
        let more: Vec<_> = children.map(|process| process.pid).collect();
        let before = pids.len();
        pids.extend(more);
        if pids.len() == before {
            return among(inventory, &pids);
        }
    }
}

pub(super) fn among<'a>(inventory: &'a Inventory, pids: &BTreeSet<i32>) -> Vec<&'a Process> {
    let found = inventory
        .processes
        .iter()
        .filter(|process| pids.contains(&process.pid));
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|process| process.pid);
    found
}

fn by_cgroup<'a>(
    inventory: &'a Inventory,
    path: &str,
    all: bool,
) -> Result<Processes<'a>, Refusal> {
    let matched: Vec<_> = inventory
        .cgroups
        .iter()
        .filter(|cgroup| cgroup.path == path)
        .collect();
    if matched.is_empty() {
        return Err(
            Refusal::input("target", format!("there is no cgroup {path}"))
                .hint("the path as it stands in /proc/PID/cgroup; `temblor targets` lists them"),
        );
    }
    if matched.iter().any(|cgroup| cgroup.is_root) {
        return Err(
            Refusal::refused("target", "the root cgroup holds the whole host")
                .hint("name a cgroup below it"),
        );
    }
    let pids = members(&matched, all)?;
    let processes = among(inventory, &pids);
    if processes.is_empty() {
        return Err(Refusal::input(
            "target",
            format!("there is no process in the cgroup {path}"),
        )
        .hint("start the target first, or start it with `-- COMMAND`"));
    }
    Ok(Processes {
        all: processes,
        cgroups: matched,
    })
}

/// The processes in the cgroups of one path, which must be the same in all unless `all`.
fn members(matched: &[&Cgroup], all: bool) -> Result<BTreeSet<i32>, Refusal> {
    let of = |cgroup: &Cgroup| cgroup.members.iter().copied().collect::<BTreeSet<i32>>();
    // A hierarchy that has the path but nobody in it says nothing about who is meant.
    let used = matched.iter().filter(|cgroup| !cgroup.members.is_empty());
    let used: Vec<_> = used.collect();
    if let [first, rest @ ..] = used.as_slice()
        && let Some(other) = rest.iter().find(|cgroup| of(cgroup) != of(first))
        && !all
    {
        return Err(Refusal::input(
            "target",
            format!(
                "{} has other processes in {} than in {}",
                first.path, first.hierarchy, other.hierarchy
            ),
        )
        .hint("use a path that only one hierarchy has, or --all for all of them"));
    }
    Ok(used.iter().flat_map(|cgroup| of(cgroup)).collect())
}

fn by_command(inventory: &Inventory) -> Result<Processes<'_>, Refusal> {
    let path = inventory.command_cgroup.as_deref();
    let cgroups = inventory.cgroups.iter();
    let cgroups: Vec<_> = cgroups
        .filter(|cgroup| Some(cgroup.path.as_str()) == path)
        .collect();
    if cgroups.is_empty() {
        return Err(
            Refusal::refused("target", "there is no cgroup to start the command in")
                .hint("start it yourself, and name it with pid: or cgroup:"),
        );
    }
    let pids = cgroups
        .iter()
        .flat_map(|cgroup| cgroup.members.iter().copied())
        .collect();
    Ok(Processes {
        all: among(inventory, &pids),
        cgroups,
    })
}

fn by_netns<'a>(inventory: &'a Inventory, text: &str) -> Result<&'a Namespace, Refusal> {
    let of_pid = text.parse::<i32>().ok().and_then(|pid| {
        let mut processes = inventory.processes.iter();
        processes
            .find(|process| process.pid == pid)
            .map(|process| process.netns)
    });
    let proc = format!("/proc/{text}/ns/net");
    let matches = |namespace: &&Namespace| {
        namespace.name.as_deref() == Some(text)
            || namespace.handle == text
            || namespace.handle == proc
            || Some(namespace.inode) == of_pid
    };
    let mut found: Vec<_> = inventory.namespaces.iter().filter(matches).collect();
    found.dedup_by_key(|namespace| namespace.inode);
    match found.as_slice() {
        [namespace] => Ok(namespace),
        [] => Err(
            Refusal::input("target", format!("there is no network namespace {text}"))
                .hint("a name under /run/netns, a path to open, or the pid of a process in it"),
        ),
        _ => Err(
            Refusal::input("target", format!("{text} means several network namespaces"))
                .hint("name the path, such as /run/netns/NAME or /proc/PID/ns/net"),
        ),
    }
}

fn by_name<'a>(namespace: &'a Namespace, name: &str) -> Result<&'a Interface, Refusal> {
    let found = namespace
        .interfaces
        .iter()
        .find(|interface| interface.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = namespace
            .interfaces
            .iter()
            .map(|i| i.name.as_str())
            .collect();
        let refusal = Refusal::input("target", format!("{namespace} has no interface {name}"));
        refusal.hint(if names.is_empty() {
            "it has no interface at all".to_owned()
        } else {
            format!("it has {}", names.join(", "))
        })
    })
}
