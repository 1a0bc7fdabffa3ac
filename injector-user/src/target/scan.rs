//! Looking over all processes, cgroups and users for those that a name or an expression means.
//!
//! What is read of a process that is not meant is one file or link, so that this can be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use injector_core::plan::Hierarchy;
use injector_core::target::{Container, Selector, unit_of};
use nix::unistd::User;

use super::hierarchy::Mounts;
use super::members::descendants;
use super::process::pids;

/// The processes that match, without their descendants; none for a selector of something else.
pub(super) fn matching(selector: &Selector) -> io::Result<BTreeSet<i32>> {
    match selector {
        Selector::Comm(pattern) => {
            among_all(|pid| comm(pid).is_some_and(|name| pattern.matches(&name)))
        }
        Selector::Exe(pattern) => {
            among_all(|pid| exe(pid).is_some_and(|path| pattern.matches(&path)))
        }
        Selector::User(user) => {
            let Some(wanted) = uid_of(user) else {
                return Ok(BTreeSet::new());
            };
            among_all(|pid| uid(pid) == Some(wanted))
        }
        _ => Ok(BTreeSet::new()),
    }
}

/// The number of a user; none if there is no such name. A number need not have a name.
pub(super) fn uid_of(user: &str) -> Option<u32> {
    if let Ok(number) = user.parse() {
        return Some(number);
    }
    // An error of the user database is nobody too: who cannot be named is not targeted.
    let found = User::from_name(user).ok().flatten()?;
    Some(found.uid.as_raw())
}

/// The path of a process's program, without the mark of one that was deleted since.
pub(super) fn exe(pid: i32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let path = link.to_string_lossy();
    let path = path.strip_suffix(" (deleted)").unwrap_or(&path);
    Some(path.to_owned())
}

/// The effective user of a process.
pub(super) fn uid(pid: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    // Real, effective, saved, of file systems.
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Every container of the host, without its name.
pub(super) fn containers(mounts: &Mounts) -> io::Result<Vec<Container>> {
    let mut found: BTreeMap<String, Container> = BTreeMap::new();
    for path in cgroup_paths(mounts)? {
        let Some(container) = Container::of_path(&path) else {
            continue;
        };
        match found.get_mut(&container.id) {
            Some(known) => known.paths.push(path),
            None => {
                found.insert(container.id.clone(), container);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The cgroups of all units of the host.
pub(super) fn units(mounts: &Mounts) -> io::Result<Vec<String>> {
    let paths = cgroup_paths(mounts)?.into_iter();
    Ok(paths.filter(|path| unit_of(path).is_some()).collect())
}

/// The paths of all cgroups, of the hierarchies that runtimes and systemd always use.
fn cgroup_paths(mounts: &Mounts) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for mount in mounts.iter().filter(|mount| is_used(&mount.hierarchy)) {
        for folder in descendants(&mount.point)? {
            if let Ok(below) = folder.strip_prefix(&mount.point) {
                let path = Path::new(&mount.root).join(below);
                found.insert(path.to_string_lossy().into_owned());
            }
        }
    }
    Ok(found)
}

fn is_used(hierarchy: &Hierarchy) -> bool {
    match hierarchy {
        Hierarchy::V2 | Hierarchy::V1Freezer => true,
        Hierarchy::V1Other(name) => name == "name=systemd",
    }
}

fn comm(pid: i32) -> Option<String> {
    let mut name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    name.pop();
    Some(name)
}

fn among_all(matches: impl Fn(i32) -> bool) -> io::Result<BTreeSet<i32>> {
    let all = pids()?.into_iter();
    Ok(all.filter(|pid| matches(*pid)).collect())
}

#[cfg(test)]
mod tests {
    use injector_core::target::Selector;

    use super::{exe, matching, uid, uid_of};

    fn me() -> i32 {
        std::process::id().cast_signed()
    }

    fn finds_us(selector: &str) -> bool {
        let selector: Selector = selector.parse().unwrap();
        matching(&selector).unwrap().contains(&me())
    }

    #[test]
    fn we_are_found_by_program_name_and_user() {
        let exe = exe(me()).unwrap();
        let uid = uid(me()).unwrap();
        let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
        let comm = comm.trim_end();
        assert!(finds_us(&format!("exe:{exe}")));
        assert!(finds_us(&format!("user:{uid}")));
        assert!(finds_us(&format!("comm:{comm}")));
        assert!(finds_us("comm:~.") && finds_us("exe:~^/"));
        assert!(!finds_us("comm:no-such-program") && !finds_us("exe:/no/such"));
        assert!(!finds_us(&format!("user:{}", uid + 1)));
    }

    #[test]
    fn a_user_is_known_by_name_and_number() {
        assert_eq!(uid_of("root"), Some(0));
        assert_eq!(uid_of("4711"), Some(4711));
        assert_eq!(uid_of("no-such-user"), None);
    }
}
