//! The things that a selector with a name or an expression means, each with its processes.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Thing;
use super::inventory::{Cgroup, Inventory, Process};
use super::refusal::Refusal;
use super::resolve::{Processes, among, with_descendants};
use crate::suggest;
use crate::target::{Container, Pattern, Selector, meant, unit_of};

/// One thing that could be chosen; it has processes.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) thing: Thing,
    pub(super) processes: Processes<'a>,
}

/// Everything that the selector means, in the order of names or numbers; `None` for a selector that
/// means one thing by itself.
pub(super) fn candidates<'a>(
    inventory: &'a Inventory,
    selector: &Selector,
) -> Option<Vec<Candidate<'a>>> {
    Some(match selector {
        Selector::Container(pattern) => containers(inventory, pattern),
        Selector::Unit(pattern) => units(inventory, pattern),
        Selector::Comm(pattern) => processes(inventory, |process| pattern.matches(&process.comm)),
        Selector::Exe(pattern) => processes(inventory, |process| {
            let exe = process.exe.as_deref();
            exe.is_some_and(|exe| pattern.matches(exe))
        }),
        Selector::User(_) => processes(inventory, |process| Some(process.uid) == inventory.user),
        Selector::Host
        | Selector::Pid(_)
        | Selector::Cgroup(_)
        | Selector::Netns(_)
        | Selector::Iface { .. }
        | Selector::Command(_) => return None,
    })
}

/// Why there is no candidate.
pub(super) fn nothing(inventory: &Inventory, selector: &Selector) -> Refusal {
    let lists = "`temblor targets` lists what there is";
    match selector {
        Selector::Container(pattern) => no_container(inventory, pattern),
        Selector::Unit(pattern) => no_unit(inventory, pattern),
        Selector::User(user) if inventory.user.is_none() => {
            Refusal::input("target", format!("there is no user {user}"))
                .hint("a name as in /etc/passwd, or a number")
        }
        _ => Refusal::input("target", format!("no process matches {selector}")).hint(lists),
    }
}

fn containers<'a>(inventory: &'a Inventory, pattern: &Pattern) -> Vec<Candidate<'a>> {
    let found = meant(&inventory.containers, pattern).into_iter();
    let found = found.map(|container| {
        let name = format!("container {}", container.label());
        of_cgroups(inventory, name, &container.paths)
    });
    used(found)
}

/// Of units within each other, such as the services of a slice, the outermost.
fn units<'a>(inventory: &'a Inventory, pattern: &Pattern) -> Vec<Candidate<'a>> {
    let is_meant = |path: &&String| unit_of(path).is_some_and(|unit| pattern.matches(unit));
    let paths: BTreeSet<&String> = inventory.units.iter().filter(is_meant).collect();
    let inside = |path: &str, outer: &str| {
        let rest = path.strip_prefix(outer);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let outermost = paths
        .iter()
        .filter(|path| !paths.iter().any(|outer| inside(path, outer)));
    let found = outermost.map(|path| {
        let name = format!("unit {path}");
        of_cgroups(inventory, name, std::slice::from_ref(*path))
    });
    used(found)
}

fn of_cgroups<'a>(inventory: &'a Inventory, name: String, paths: &[String]) -> Candidate<'a> {
    let cgroups = inventory.cgroups.iter();
    let cgroups: Vec<&Cgroup> = cgroups
        .filter(|cgroup| paths.contains(&cgroup.path))
        .collect();
    let members = cgroups.iter().flat_map(|cgroup| &cgroup.members);
    let pids = members.copied().collect();
    Candidate {
        thing: Thing {
            name,
            cgroups: paths.to_vec(),
        },
        processes: Processes {
            all: among(inventory, &pids),
            cgroups,
        },
    }
}

/// Those that have processes, in the order of their names.
fn used<'a>(found: impl Iterator<Item = Candidate<'a>>) -> Vec<Candidate<'a>> {
    let mut found: Vec<_> = found
        .filter(|candidate| !candidate.processes.all.is_empty())
        .collect();
    found.sort_by(|left, right| left.thing.cmp(&right.thing));
    found
}

/// The roots of the trees that the matching processes form.
fn processes(inventory: &Inventory, is_meant: impl Fn(&Process) -> bool) -> Vec<Candidate<'_>> {
    let all = inventory.processes.iter();
    let parents: BTreeMap<i32, i32> = all
        .clone()
        .map(|process| (process.pid, process.ppid))
        .collect();
    let matching: BTreeSet<i32> = all
        .filter(|process| is_meant(process))
        .map(|process| process.pid)
        .collect();
    let above = |pid: &i32| {
        let line = std::iter::successors(parents.get(pid), |pid| parents.get(pid));
        // A cycle is impossible, and this is what it would cost.
        line.take(parents.len())
            .any(|parent| matching.contains(parent))
    };
    let roots = matching.iter().filter(|pid| !above(pid));
    roots
        .map(|pid| Candidate {
            thing: Thing {
                name: format!("process {pid}"),
                cgroups: Vec::new(),
            },
            processes: Processes {
                all: with_descendants(inventory, *pid),
                cgroups: Vec::new(),
            },
        })
        .collect()
}

fn no_container(inventory: &Inventory, pattern: &Pattern) -> Refusal {
    let refusal = Refusal::input("target", format!("there is no running container {pattern}"));
    let known: Vec<&str> = inventory.containers.iter().map(Container::label).collect();
    let near = match pattern {
        Pattern::Exact(name) => suggest::nearest(name, known.iter().copied()),
        Pattern::Like(_) => None,
    };
    refusal.hint(match (&inventory.nameless, near) {
        (_, Some(near)) => format!("did you mean `container:{near}`"),
        (Some(why), None) => {
            format!("names are not known here: {why}; an id works: `temblor targets` lists them")
        }
        (None, None) if known.is_empty() => {
            "no container runs here; `temblor targets` lists what there is".to_owned()
        }
        (None, None) => "`temblor targets` lists them".to_owned(),
    })
}

fn no_unit(inventory: &Inventory, pattern: &Pattern) -> Refusal {
    let refusal = Refusal::input(
        "target",
        format!("there is no unit {pattern} that has processes"),
    );
    let known: BTreeSet<&str> = inventory
        .units
        .iter()
        .filter_map(|path| unit_of(path))
        .collect();
    let near = match pattern {
        Pattern::Exact(name) => suggest::nearest(name, known.iter().copied()),
        Pattern::Like(_) => None,
    };
    refusal.hint(match near {
        Some(near) if !pattern.matches(near) => format!("did you mean `unit:{near}`"),
        _ if known.is_empty() => {
            "systemd has made no cgroups here; name the target another way: `temblor targets`"
                .to_owned()
        }
        _ => "start it first; `temblor targets` lists those that have processes".to_owned(),
    })
}
