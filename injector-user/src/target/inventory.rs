//! Gathers what the planner reads: for one target as little as it needs, or all there is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use injector_core::fault::Kind;
use injector_core::plan::{Cgroup, Hierarchy, Inventory, Namespace, Process};
use injector_core::target::{Selector, meant, unit_of};
use procfs::ProcError;
use thiserror::Error;

use super::hierarchy::{Mounts, ReadMounts};
use super::names::Names;
use super::netns::NetnsError;
use super::settings::settings_of;
use super::{cgroups, netns, process, scan};
use crate::safety::Protection;

/// The host cannot be read; what merely does not exist is no error.
#[derive(Debug, Error)]
pub enum GatherError {
    #[error("failed to find the cgroup hierarchies")]
    Mounts(#[from] ReadMounts),
    #[error("failed to read processes")]
    Processes(#[from] ProcError),
    #[error("failed to read cgroups")]
    Cgroups(#[from] io::Error),
    #[error("failed to read a network namespace")]
    Netns(#[from] NetnsError),
}

/// What has to be known before looking.
#[derive(Clone, Copy, Debug)]
pub struct Gathering<'a> {
    /// The cgroup made for a command.
    pub command: Option<&'a str>,
    /// What containers are called, for a selector of containers.
    pub names: &'a Names,
    pub protection: &'a Protection,
    /// The engine and its keeper.
    pub own: &'a [i32],
}

/// Reads what a fault of this kind on this target depends on. What the host can do and what is armed
/// already is for the engine to add.
pub fn gather(
    selector: &Selector,
    kind: Kind,
    given: &Gathering<'_>,
) -> Result<Inventory, GatherError> {
    let &Gathering {
        command,
        names,
        protection,
        own,
    } = given;
    let mut inventory = Inventory {
        own_cgroup_ancestors: cgroups::ancestors_of(own),
        command_cgroup: command.map(str::to_owned),
        ..Inventory::default()
    };
    match selector {
        // Everybody is in it.
        Selector::Host => {}
        Selector::Iface { netns: None, .. } => inventory.namespaces.push(netns::host()?),
        Selector::Netns(text)
        | Selector::Iface {
            netns: Some(text), ..
        } => inventory.namespaces.extend(named_namespace(text)?),
        Selector::Pid(pid) => {
            let pids = process::with_descendants(*pid)?;
            add_processes(&mut inventory, kind, &Mounts::read()?, pids, protection)?;
        }
        Selector::Cgroup(path) => add_cgroup(&mut inventory, kind, path, protection)?,
        Selector::Command(_) => add_command(&mut inventory, kind, command, protection)?,
        Selector::Container(_) | Selector::Unit(_) => {
            let mounts = Mounts::read()?;
            let paths = meant_cgroups(&mut inventory, &mounts, selector, names)?;
            add_cgroups(&mut inventory, kind, &mounts, &paths, protection)?;
        }
        Selector::Comm(_) | Selector::Exe(_) | Selector::User(_) => {
            let pids = matching_processes(&mut inventory, selector)?;
            add_processes(&mut inventory, kind, &Mounts::read()?, pids, protection)?;
        }
    }
    Ok(inventory)
}

/// The cgroups of the containers or units that are meant; all there are of those are listed.
fn meant_cgroups(
    inventory: &mut Inventory,
    mounts: &Mounts,
    selector: &Selector,
    names: &Names,
) -> io::Result<BTreeSet<String>> {
    Ok(match selector {
        Selector::Container(pattern) => {
            add_containers(inventory, mounts, names)?;
            let meant = meant(&inventory.containers, pattern).into_iter();
            meant
                .flat_map(|container| container.paths.clone())
                .collect()
        }
        Selector::Unit(pattern) => {
            inventory.units = scan::units(mounts)?;
            let is_meant = |path: &&String| unit_of(path).is_some_and(|unit| pattern.matches(unit));
            inventory.units.iter().filter(is_meant).cloned().collect()
        }
        _ => BTreeSet::new(),
    })
}

/// The processes that match, with all they have started.
fn matching_processes(
    inventory: &mut Inventory,
    selector: &Selector,
) -> Result<BTreeSet<i32>, GatherError> {
    if let Selector::User(user) = selector {
        inventory.user = scan::uid_of(user);
    }
    let mut pids = BTreeSet::new();
    for pid in scan::matching(selector)? {
        pids.extend(process::with_descendants(pid)?);
    }
    Ok(pids)
}

/// Reads everything, for `temblor targets`; what needs more rights than ours is left out.
pub fn survey(protection: &Protection, own: &[i32]) -> Result<Inventory, GatherError> {
    let mounts = Mounts::read()?;
    let processes = process::read_all(protection)?;
    let mut found = Vec::new();
    for mount in mounts.iter() {
        match mount.hierarchy {
            Hierarchy::V2 | Hierarchy::V1Freezer => found.extend(cgroups::all(mount)?),
            // For faults of settings.
            _ if limits(&mount.hierarchy) => found.extend(cgroups::all(mount)?),
            Hierarchy::V1Other(_) => {}
        }
    }
    let mut namespaces = namespaces_of(&processes, read_if_allowed)?;
    let known: BTreeSet<u64> = namespaces.iter().map(|namespace| namespace.inode).collect();
    let names = netns::names();
    for (inode, name) in &names {
        // Those that have a name and no process.
        if !known.contains(inode) {
            namespaces.extend(read_if_allowed(&netns::handle(name), &names)?);
        }
    }
    let mut inventory = Inventory {
        processes,
        cgroups: found,
        namespaces,
        own_cgroup_ancestors: cgroups::ancestors_of(own),
        units: scan::units(&mounts)?,
        ..Inventory::default()
    };
    for kind in Kind::ALL {
        if let Some(controllers) = kind.controllers() {
            let settings = settings_of(controllers, &inventory.cgroups);
            inventory.settings.extend(settings);
        }
    }
    add_containers(&mut inventory, &mounts, &Names::ask())?;
    Ok(inventory)
}

/// Whether some fault changes settings there.
fn limits(hierarchy: &Hierarchy) -> bool {
    let mut of_settings = Kind::ALL.iter().filter_map(|kind| kind.controllers());
    of_settings.any(|[_v2, v1]| hierarchy.is_v1_of(v1))
}

fn named_namespace(text: &str) -> Result<Option<Namespace>, NetnsError> {
    netns::read(&netns::handle(text), &netns::names())
}

/// The cgroup of a command, and where the command will be before it has started.
fn add_command(
    inventory: &mut Inventory,
    kind: Kind,
    cgroup: Option<&str>,
    protection: &Protection,
) -> Result<(), GatherError> {
    if let Some(path) = cgroup {
        add_cgroup(inventory, kind, path, protection)?;
    }
    let mut namespaces = inventory.namespaces.iter();
    if kind.is_of_packets() && !namespaces.any(|namespace| namespace.is_host) {
        inventory.namespaces.push(netns::host()?);
    }
    Ok(())
}

fn add_cgroup(
    inventory: &mut Inventory,
    kind: Kind,
    path: &str,
    protection: &Protection,
) -> Result<(), GatherError> {
    let mounts = Mounts::read()?;
    let paths = BTreeSet::from([path.to_owned()]);
    add_cgroups(inventory, kind, &mounts, &paths, protection)
}

fn add_cgroups(
    inventory: &mut Inventory,
    kind: Kind,
    mounts: &Mounts,
    paths: &BTreeSet<String>,
    protection: &Protection,
) -> Result<(), GatherError> {
    for path in paths {
        inventory.cgroups.extend(cgroups::everywhere(mounts, path)?);
    }
    let members = inventory.cgroups.iter().flat_map(|cgroup| &cgroup.members);
    let pids = members.copied().collect();
    add_processes(inventory, kind, mounts, pids, protection)
}

/// All containers of the host with their names, as far as those are known.
fn add_containers(inventory: &mut Inventory, mounts: &Mounts, names: &Names) -> io::Result<()> {
    inventory.containers = scan::containers(mounts)?;
    for container in &mut inventory.containers {
        container.name = names.by_id.get(&container.id).cloned();
    }
    inventory.nameless.clone_from(&names.unknown);
    Ok(())
}

/// Adds processes and what they are in.
fn add_processes(
    inventory: &mut Inventory,
    kind: Kind,
    mounts: &Mounts,
    pids: BTreeSet<i32>,
    protection: &Protection,
) -> Result<(), GatherError> {
    for pid in pids {
        inventory.processes.extend(process::read(pid, protection)?);
    }
    add_cgroups_of_processes(inventory, mounts)?;
    if let Some([_v2, controller]) = kind.controllers() {
        add_limited_cgroups(inventory, mounts, controller)?;
    }
    if kind.is_of_packets() {
        inventory.namespaces = namespaces_of(&inventory.processes, netns::read)?;
    }
    Ok(())
}

fn add_cgroups_of_processes(inventory: &mut Inventory, mounts: &Mounts) -> io::Result<()> {
    let paths = |of: fn(&Process) -> Option<&String>| -> BTreeSet<String> {
        inventory.processes.iter().filter_map(of).cloned().collect()
    };
    let wanted = [
        (Hierarchy::V2, paths(|process| process.cgroup_v2.as_ref())),
        (
            Hierarchy::V1Freezer,
            paths(|process| process.freezer_v1.as_ref()),
        ),
    ];
    for (hierarchy, paths) in wanted {
        let Some(mount) = mounts.get(&hierarchy) else {
            continue;
        };
        for path in paths {
            let is_it = |cgroup: &Cgroup| cgroup.hierarchy == hierarchy && cgroup.path == path;
            if !inventory.cgroups.iter().any(is_it) {
                inventory.cgroups.extend(cgroups::read(mount, &path)?);
            }
        }
    }
    Ok(())
}

/// The cgroups of the processes in the hierarchy of version 1 with this controller.
fn add_limited_cgroups(
    inventory: &mut Inventory,
    mounts: &Mounts,
    controller: &str,
) -> Result<(), GatherError> {
    for mount in mounts.iter() {
        if !mount.hierarchy.is_v1_of(controller) {
            continue;
        }
        let paths = process::cgroups_in(&inventory.processes, &mount.hierarchy)?;
        for path in paths {
            let is_it = |one: &Cgroup| one.hierarchy == mount.hierarchy && one.path == path;
            if !inventory.cgroups.iter().any(is_it) {
                inventory.cgroups.extend(cgroups::read(mount, &path)?);
            }
        }
    }
    Ok(())
}

/// How to read the namespace that a path opens.
type ReadNamespace = fn(&Path, &BTreeMap<u64, String>) -> Result<Option<Namespace>, NetnsError>;

/// Reads a namespace, or passes over it if that needs more rights than ours.
fn read_if_allowed(
    handle: &Path,
    names: &BTreeMap<u64, String>,
) -> Result<Option<Namespace>, NetnsError> {
    match netns::read(handle, names) {
        Err(error) if error.is_denied() => Ok(None),
        namespace => namespace,
    }
}

/// The namespaces that these processes are in, with everybody who is in them.
fn namespaces_of(
    processes: &[Process],
    read: ReadNamespace,
) -> Result<Vec<Namespace>, GatherError> {
    let (names, everybody) = (netns::names(), process::namespaces()?);
    // 0 is a namespace that we may not see.
    let visible = processes.iter().filter(|process| process.netns != 0);
    let mut pids: BTreeMap<u64, i32> = BTreeMap::new();
    for process in visible {
        // The oldest is likelier to stay than those that come and go.
        let oldest = pids.entry(process.netns).or_insert(process.pid);
        *oldest = process.pid.min(*oldest);
    }
    let mut found = Vec::new();
    for (inode, pid) in pids {
        let handle = netns::handle_of(inode, pid, &names);
        let Some(mut namespace) = read(&handle, &names)? else {
            continue;
        };
        let members = |all: &BTreeMap<u64, Vec<i32>>| all.get(&namespace.inode).cloned();
        namespace.members = everybody.as_ref().and_then(members);
        found.push(namespace);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use injector_core::fault::Kind;
    use injector_core::plan::Inventory;
    use injector_core::target::Selector;

    use super::super::names::Names;
    use super::{Gathering, gather, survey};
    use crate::safety::Protection;

    fn me() -> i32 {
        i32::try_from(std::process::id()).unwrap()
    }

    fn gathered(target: &str, kind: Kind) -> Inventory {
        let selector: Selector = target.parse().unwrap();
        let protection = Protection::of([]);
        let names = Names::default();
        gather(&selector, kind, &given(&protection, &names)).unwrap()
    }

    fn given<'a>(protection: &'a Protection, names: &'a Names) -> Gathering<'a> {
        Gathering {
            command: None,
            names,
            protection,
            own: &[],
        }
    }

    /// How many processes, cgroups and namespaces were read.
    fn sizes(inventory: &Inventory) -> [usize; 3] {
        let Inventory {
            processes,
            cgroups,
            namespaces,
            ..
        } = inventory;
        [processes.len(), cgroups.len(), namespaces.len()]
    }

    #[test]
    fn an_interface_needs_nothing_but_its_namespace() {
        let inventory = gathered("iface:lo", Kind::NetDelay);
        assert_eq!(sizes(&inventory), [0, 0, 1]);
        assert!(inventory.namespaces[0].is_host);
        let by_pid = gathered(&format!("netns:{}", me()), Kind::NetLoss);
        assert_eq!(by_pid.namespaces[0].inode, inventory.namespaces[0].inode);
    }

    #[test]
    fn a_process_brings_its_cgroups_and_for_packets_its_namespace() {
        let target = format!("pid:{}", me());
        let frozen = gathered(&target, Kind::ProcessFreeze);
        let delayed = gathered(&target, Kind::NetDelay);
        assert!(frozen.processes.iter().any(|process| process.pid == me()));
        assert!(!frozen.cgroups.is_empty());
        assert_eq!((sizes(&frozen)[2], sizes(&delayed)[2]), (0, 1));
        let members = delayed.namespaces[0].members.as_ref();
        assert!(members.is_some_and(|members| members.contains(&me())));
    }

    #[test]
    fn what_does_not_exist_is_an_empty_inventory() {
        for target in [
            "pid:4194304",
            "cgroup:/no/such/cgroup",
            "netns:no-such-namespace",
        ] {
            assert_eq!(
                sizes(&gathered(target, Kind::NetLoss)),
                [0, 0, 0],
                "{target}"
            );
        }
    }

    #[test]
    fn a_command_is_planned_for_where_we_are() {
        let command = Selector::Command(vec!["sleep".to_owned()]);
        let protection = Protection::of([]);
        let inventory = gather(
            &command,
            Kind::NetLoss,
            &given(&protection, &Names::default()),
        )
        .unwrap();
        assert!(inventory.namespaces[0].is_host);
    }

    #[test]
    fn a_survey_finds_us() {
        let inventory = survey(&Protection::of([me()]), &[me()]).unwrap();
        let mut processes = inventory.processes.iter();
        let found = processes.find(|process| process.pid == me()).unwrap();
        assert!(found.protected.is_some());
        let is_ours = |inode| inode == found.netns;
        assert!(
            inventory
                .namespaces
                .iter()
                .any(|namespace| is_ours(namespace.inode))
        );
        assert!(inventory.own_cgroup_ancestors.contains(&"/".to_owned()));
    }
}
