//! What tells one incarnation of a target from the next: cheap enough to be read four times a second.
//!
//! It says only that something has changed, never what is to be done: that is planned anew.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use injector_core::plan::{Chosen, Plan, Who};
use injector_core::target::{Choice, Selector};
use procfs::process::Process;

use super::follow::descends_from;
use super::hierarchy::Mounts;
use super::members::members;
use super::process::netns_of;
use super::scan;

/// One look at a target that may go and come back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    parts: BTreeSet<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Cgroup {
        path: String,
        inode: u64,
        /// Of its first process.
        netns: Option<u64>,
        interfaces: BTreeSet<String>,
    },
    /// A process that was planned for.
    Known(i32),
    /// One that matches and is not a descendant of those.
    New(i32),
}

impl Identity {
    /// Whether nothing is there that could suffer.
    pub fn is_gone(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether less is there than was chosen.
    pub fn lacks_some(&self, chosen: &Chosen) -> bool {
        let named = chosen.things.iter().filter(|thing| {
            let mut cgroups = thing.cgroups.iter();
            cgroups.len() > 0 && !cgroups.any(|path| self.has(path))
        });
        named.count() > 0
    }

    fn has(&self, wanted: &str) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Cgroup { path, .. } => path == wanted,
            Part::Known(_) | Part::New(_) => false,
        })
    }
}

/// Looks at what was chosen of a restartable selector.
pub fn identity(selector: &Selector, choice: &Choice, plan: &Plan, mounts: &Mounts) -> Identity {
    let Some(chosen) = &plan.chosen else {
        return Identity::default();
    };
    let parts = match selector {
        Selector::Container(_) | Selector::Unit(_) => cgroups(chosen, mounts),
        _ => processes(selector, choice, plan, chosen),
    };
    Identity { parts }
}

fn cgroups(chosen: &Chosen, mounts: &Mounts) -> BTreeSet<Part> {
    let paths = chosen.things.iter().flat_map(|thing| &thing.cgroups);
    let found = paths.filter_map(|path| {
        let mut folders = mounts.iter().filter_map(|mount| mount.folder(path));
        folders.find_map(|folder| cgroup(path, &folder))
    });
    found.collect()
}

fn cgroup(path: &str, folder: &Path) -> Option<Part> {
    let inode = fs::metadata(folder).ok()?.ino();
    let members = members(folder).unwrap_or_default();
    let first = members.into_iter().find(|pid| *pid > 0);
    Some(Part::Cgroup {
        path: path.to_owned(),
        inode,
        netns: first.and_then(netns_of),
        interfaces: first.map(interfaces).unwrap_or_default(),
    })
}

/// The names of the interfaces that a process sees, read without entering its namespace.
fn interfaces(pid: i32) -> BTreeSet<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap_or_default();
    let names = text.lines().filter_map(|line| line.split_once(':'));
    names
        .map(|(name, _counts)| name.trim().to_owned())
        .collect()
}

fn processes(selector: &Selector, choice: &Choice, plan: &Plan, chosen: &Chosen) -> BTreeSet<Part> {
    let roots = chosen.things.iter().filter_map(|thing| {
        let number = thing.name.strip_prefix("process ")?;
        number.parse().ok()
    });
    let alive = |pid: &i32| Process::new(*pid).is_ok_and(|process| process.is_alive());
    let mut parts: BTreeSet<Part> = roots.filter(alive).map(Part::Known).collect();
    let planned: BTreeSet<i32> = plan.who.iter().filter_map(pid).collect();
    if parts.is_empty() {
        // The roots have ended; what they started may live on.
        parts = planned
            .iter()
            .copied()
            .filter(alive)
            .map(Part::Known)
            .collect();
    }
    if !choice.is_drawn() {
        let found = scan::matching(selector).unwrap_or_default().into_iter();
        let new = found.filter(|pid| !descends_from(*pid, &planned));
        parts.extend(new.map(Part::New));
    }
    parts
}

fn pid(who: &Who) -> Option<i32> {
    match who {
        Who::Process { pid, .. } => Some(*pid),
        Who::Interface { .. } => None,
    }
}
