//! Where the packets of a target pass, and how they are told from those of others.

use std::collections::BTreeSet;

use super::decision::{CgroupId, Hook, Mechanism, Select, Way};
use super::inventory::{Cgroup, Hierarchy, Interface, InterfaceKind, Inventory, Namespace};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{LINK_UP, Processes, Target, host};
use crate::fault::net::{Answer, Connections, Corruption, Direction, Filter, Partition};
use crate::fault::{Action, prefixes};

/// What `action` does to the packets that `filter` names.
pub(super) fn packets(
    inventory: &Inventory,
    target: &Target<'_>,
    action: &Action,
    filter: &Filter,
) -> Result<Part, Refusal> {
    let mechanism = mechanism(action);
    let mut part = match attribution(inventory, target)? {
        Attribution::Interfaces(places) => by_interface(&places, filter, mechanism)?,
        Attribution::Cgroup(places, cgroup) => {
            let mut part = by_cgroup(&places, cgroup, filter, mechanism)?;
            if filter.direction.is_in() {
                part.hooks.push(arriving(action, cgroup)?);
            }
            part
        }
    };
    let tcx = |hook: &Hook| matches!(hook, Hook::Tcx { .. });
    if !part.hooks.iter().any(tcx) {
        part.mechanism = Mechanism::CgroupSkbLoss;
    }
    if let Action::NetPartition(partition) = action {
        part_connections(&mut part, partition);
    }
    Ok(part)
}

/// The main mechanism at an interface.
fn mechanism(action: &Action) -> Mechanism {
    match action {
        Action::NetDuplicate(_) => Mechanism::TcxClone,
        Action::NetCorrupt(corrupt) if corrupt.how == Corruption::Silent => Mechanism::TcxRewrite,
        Action::NetCorrupt(_) | Action::NetDelay(_) | Action::NetRate(_) => Mechanism::TapDelay,
        Action::NetLoss(_)
        | Action::NetPartition(_)
        | Action::SockError(_)
        | Action::ProcessFreeze(_)
        | Action::ProcessSignal(_) => Mechanism::TcxLoss,
    }
}

/// Packets that arrive for a cgroup's sockets can only be dropped.
fn arriving(action: &Action, cgroup: &Cgroup) -> Result<Hook, Refusal> {
    let drops = match action {
        Action::NetLoss(_) => true,
        Action::NetPartition(partition) => partition.how == Answer::Drop,
        _ => false,
    };
    if drops {
        let path = cgroup.path.clone();
        return Ok(Hook::CgroupSkbIngress {
            path,
            id: cgroup.id,
        });
    }
    Err(Refusal::refused(
        "direction",
        "packets that arrive cannot be attributed to a cgroup here yet",
    )
    .hint("use direction out, or a target with its own network namespace"))
}

/// What a partition needs beyond dropping packets.
fn part_connections(part: &mut Part, partition: &Partition) {
    let Partition {
        filter: _,
        connections,
        how,
    } = partition;
    part.select.connections = *connections;
    if *how != Answer::Drop {
        part.also.push(Mechanism::TcxAnswer);
    }
    if *how == Answer::Reset && *connections != Connections::New {
        part.also.push(Mechanism::SockDestroy);
        part.warnings.push(
            "open TCP connections that match are reset when it begins, which cannot be undone"
                .to_owned(),
        );
    }
}

/// Namespaces with the interfaces that matter in each.
type Places<'a> = Vec<(&'a Namespace, Vec<&'a Interface>)>;

/// How the target's packets are recognised.
#[derive(Debug)]
enum Attribution<'a> {
    /// Everything at these interfaces is the target's, or was named as such.
    Interfaces(Places<'a>),
    /// The interfaces are shared; the socket's cgroup tells.
    Cgroup(Places<'a>, &'a Cgroup),
}

fn attribution<'a>(
    inventory: &'a Inventory,
    target: &Target<'a>,
) -> Result<Attribution<'a>, Refusal> {
    let processes = match target {
        Target::Interfaces(namespace, interfaces) => {
            return Ok(Attribution::Interfaces(vec![(
                *namespace,
                interfaces.clone(),
            )]));
        }
        Target::Processes(processes) => processes,
    };
    let namespaces = namespaces(inventory, processes)?;
    let places = namespaces.iter().map(|namespace| {
        let up = namespace.interfaces.iter().filter(|interface| interface.up);
        (*namespace, up.collect())
    });
    let places: Places<'_> = places.collect();
    let pids = processes.pids();
    let shared = namespaces
        .iter()
        .find(|namespace| !is_own(namespace, &pids));
    let Some(shared) = shared else {
        return Ok(Attribution::Interfaces(places));
    };
    match processes.v2_cgroup() {
        Some(cgroup) => Ok(Attribution::Cgroup(places, cgroup)),
        None => Err(not_attributable(inventory, processes, shared)),
    }
}

/// The namespaces the target is in; the host's for a command that has not started yet.
fn namespaces<'a>(
    inventory: &'a Inventory,
    processes: &Processes<'_>,
) -> Result<Vec<&'a Namespace>, Refusal> {
    let inodes: BTreeSet<u64> = processes.all.iter().map(|process| process.netns).collect();
    if inodes.is_empty() {
        return host(inventory).map(|host| vec![host]);
    }
    let found = inodes.into_iter().map(|inode| {
        let mut all = inventory.namespaces.iter();
        all.find(|namespace| namespace.inode == inode)
            .ok_or_else(|| {
                Refusal::refused(
                    "target",
                    format!("the target's network namespace {inode} could not be read"),
                )
                .hint("it may have vanished just now: ask again")
            })
    });
    found.collect()
}

/// Whether nobody but the target is in the namespace, which must be known and not assumed.
fn is_own(namespace: &Namespace, pids: &BTreeSet<i32>) -> bool {
    let only_target = |members: &Vec<i32>| members.iter().all(|pid| pids.contains(pid));
    !namespace.is_host && namespace.members.as_ref().is_some_and(only_target)
}

fn not_attributable(
    inventory: &Inventory,
    processes: &Processes<'_>,
    shared: &Namespace,
) -> Refusal {
    let pids = processes.pids();
    let others = shared
        .members
        .iter()
        .flatten()
        .filter(|pid| !pids.contains(pid));
    let with = match others.count() {
        0 => "may share it with others".to_owned(),
        1 => "shares it with another process".to_owned(),
        count => format!("shares it with {count} other processes"),
    };
    let refusal = Refusal::refused(
        "target",
        format!("packets in {shared} cannot be attributed to the target, which {with}"),
    );
    let mut own = inventory.cgroups.iter().filter(|cgroup| {
        cgroup.hierarchy == Hierarchy::V2
            && !cgroup.is_root
            && cgroup.members.iter().copied().collect::<BTreeSet<_>>() == pids
    });
    match own.next() {
        Some(cgroup) => refusal.hint(format!("use target cgroup:{}", cgroup.path)),
        None => refusal.hint(
            "start it with `-- COMMAND`, or in a v2 cgroup or a network namespace of its own",
        ),
    }
}

fn by_interface(
    places: &Places<'_>,
    filter: &Filter,
    mechanism: Mechanism,
) -> Result<Part, Refusal> {
    let mut part = part(filter, mechanism);
    for way in ways(filter.direction) {
        attach(&mut part, places, way);
    }
    let loopback = |hook: &Hook| matches!(hook, Hook::Tcx { loopback: true, .. });
    if filter.direction == Direction::Both && part.hooks.iter().any(loopback) {
        part.warnings.push(
            "a packet on the loopback interface passes it twice, out and in, and suffers both times"
                .to_owned(),
        );
    }
    usable(part, places)
}

/// Out by the socket's cgroup; who wants the other way adds it.
fn by_cgroup(
    places: &Places<'_>,
    cgroup: &Cgroup,
    filter: &Filter,
    mechanism: Mechanism,
) -> Result<Part, Refusal> {
    let mut part = part(filter, mechanism);
    part.select.cgroup = Some(CgroupId {
        id: cgroup.id,
        path: cgroup.path.clone(),
    });
    if !filter.direction.is_out() {
        return Ok(part);
    }
    attach(&mut part, places, Way::Egress);
    part.warnings.push(
        "packets that no socket sends, such as resets and ICMP replies, belong to no cgroup and pass"
            .to_owned(),
    );
    usable(part, places)
}

fn part(filter: &Filter, mechanism: Mechanism) -> Part {
    let Filter {
        peers,
        ports,
        protocol,
        direction: _,
    } = filter;
    Part {
        mechanism,
        also: Vec::new(),
        hooks: Vec::new(),
        select: Select {
            peers: prefixes(peers),
            ports: ports.clone(),
            protocol: *protocol,
            ..Select::default()
        },
        warnings: Vec::new(),
    }
}

fn ways(direction: Direction) -> Vec<Way> {
    let out = direction.is_out().then_some(Way::Egress);
    let into = direction.is_in().then_some(Way::Ingress);
    out.into_iter().chain(into).collect()
}

/// One hook per interface; a delay needs Ethernet headers and skips what has none.
fn attach(part: &mut Part, places: &Places<'_>, way: Way) {
    for (namespace, interfaces) in places {
        for interface in interfaces {
            let Interface {
                name,
                index,
                kind,
                up,
            } = interface;
            let other = matches!(kind, InterfaceKind::Other(_));
            let warning = if other && part.mechanism == Mechanism::TapDelay {
                Some(format!(
                    "packets of {name} pass untouched: it has no Ethernet header"
                ))
            } else {
                part.hooks.push(Hook::Tcx {
                    netns: namespace.handle.clone(),
                    netns_inode: namespace.inode,
                    ifindex: *index,
                    interface: name.clone(),
                    loopback: *kind == InterfaceKind::Loopback,
                    direction: way,
                });
                (!up).then(|| format!("{name} is down: nothing passes it now"))
            };
            part.warnings
                .extend(warning.filter(|text| !part.warnings.contains(text)));
        }
    }
}

fn usable(part: Part, places: &Places<'_>) -> Result<Part, Refusal> {
    if !part.hooks.is_empty() {
        return Ok(part);
    }
    let names: Vec<_> = places
        .iter()
        .map(|(namespace, _)| namespace.to_string())
        .collect();
    let any = places.iter().any(|(_, interfaces)| !interfaces.is_empty());
    Err(if any {
        Refusal::refused(
            "target",
            "packets of an interface without Ethernet headers cannot take a detour",
        )
        .hint("choose an interface of kind ethernet or loopback, or use net.loss")
    } else {
        Refusal::input(
            "target",
            format!("no interface of {} is up", names.join(" and ")),
        )
        .hint(LINK_UP)
    })
}
