//! Where the packets of a target pass, and how they are told from those of others.

use std::collections::BTreeSet;

use super::decision::{CgroupId, Hook, Mechanism, Select, Way};
use super::inventory::{Cgroup, Interface, InterfaceKind, Inventory, Namespace, Process};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{LINK_UP, Processes, Target, host};
use super::sock::v2_id;
use crate::fault::net::{Answer, Connections, Corruption, Direction, Filter, Partition, Protocol};
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
        Attribution::Cgroup(places, cgroup) => by_cgroup(&places, cgroup, filter, mechanism)?,
        Attribution::Processes(places, processes) => {
            by_processes(inventory, &places, processes, filter, mechanism)?
        }
    };
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
        | Action::ProcessSignal(_)
        | Action::Pressure(_)
        | Action::Calls(_)
        | Action::Limit(_) => Mechanism::TcxLoss,
    }
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
    /// The interfaces are shared, and the cgroup may be; the socket's mark tells.
    Processes(Places<'a>, &'a Processes<'a>),
}

fn attribution<'a>(
    inventory: &'a Inventory,
    target: &'a Target<'a>,
) -> Result<Attribution<'a>, Refusal> {
    let processes = match target {
        Target::Interfaces(namespace, interfaces) => {
            return Ok(Attribution::Interfaces(vec![(
                *namespace,
                interfaces.clone(),
            )]));
        }
        Target::Processes(processes) => processes,
        Target::Host => {
            let said = "packets pass interfaces, and the host as a whole is not one";
            return Err(Refusal::input("target", said).hint("use iface: or netns:"));
        }
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
    let outside = processes
        .all
        .iter()
        .find(|process| process.cgroup_v2.is_none());
    match (processes.v2_cgroup(), outside) {
        (Some(cgroup), _) => Ok(Attribution::Cgroup(places, cgroup)),
        (None, None) => Ok(Attribution::Processes(places, processes)),
        (None, Some(outside)) => Err(not_attributable(processes, shared, outside)),
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

fn not_attributable(processes: &Processes<'_>, shared: &Namespace, outside: &Process) -> Refusal {
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
    Refusal::refused(
        "target",
        format!(
            "packets in {shared} cannot be attributed to the target, which {with}: process {} ({}) \
             is in no v2 cgroup, where its sockets could be marked",
            outside.pid, outside.comm
        ),
    )
    .hint("mount the v2 hierarchy, or start the target in a network namespace of its own")
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

/// By the cgroup of the socket that sends the packet, or that it is for.
fn by_cgroup(
    places: &Places<'_>,
    cgroup: &Cgroup,
    filter: &Filter,
    mechanism: Mechanism,
) -> Result<Part, Refusal> {
    let mut part = by_socket(places, filter, mechanism)?;
    part.select.cgroup = Some(CgroupId {
        id: cgroup.id,
        path: cgroup.path.clone(),
    });
    usable(part, places)
}

/// By the mark of that socket, which new ones get in the cgroups that the processes are in.
fn by_processes(
    inventory: &Inventory,
    places: &Places<'_>,
    processes: &Processes<'_>,
    filter: &Filter,
    mechanism: Mechanism,
) -> Result<Part, Refusal> {
    let part = by_socket(places, filter, mechanism)?;
    let mut part = usable(part, places)?;
    part.select.thread_groups = processes.pids().into_iter().collect();
    let paths = processes
        .all
        .iter()
        .filter_map(|process| process.cgroup_v2.clone());
    let paths: BTreeSet<String> = paths.collect();
    part.hooks
        .extend(paths.into_iter().map(|path| Hook::Sockets {
            id: v2_id(inventory, &path),
            path,
        }));
    part.warnings
        .push("children are covered, a restart under a new pid is not".to_owned());
    Ok(part)
}

/// Where packets pass that are told by their socket, which not all can be.
fn by_socket(places: &Places<'_>, filter: &Filter, mechanism: Mechanism) -> Result<Part, Refusal> {
    if filter.protocol == Some(Protocol::Icmp) && !filter.direction.is_out() {
        return Err(Refusal::refused(
            "protocol",
            "ICMP that arrives cannot be attributed to a socket",
        )
        .hint("use direction out, or a target with its own network namespace"));
    }
    let mut part = part(filter, mechanism);
    let places = &wholes(places);
    for way in ways(filter.direction) {
        attach(&mut part, places, way);
        part.warnings.push(unattributed(way).to_owned());
    }
    Ok(part)
}

/// Without the parts of what is there itself: a packet with its socket would be met at both.
fn wholes<'a>(places: &Places<'a>) -> Places<'a> {
    let whole = |all: &[&'a Interface], one: &Interface| {
        let mut others = all.iter();
        one.part_of
            .is_none_or(|whole| !others.any(|other| other.index == whole))
    };
    let places = places.iter().map(|(namespace, all)| {
        let wholes = all.iter().copied().filter(|one| whole(all, one));
        (*namespace, wholes.collect())
    });
    places.collect()
}

/// What passes because it is nobody's.
fn unattributed(way: Way) -> &'static str {
    match way {
        Way::Egress => {
            "packets that no socket sends, such as resets and ICMP replies, are nobody's and pass"
        }
        Way::Ingress => {
            "packets that arrive for no single socket, such as ICMP and multicast, are nobody's and pass"
        }
    }
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
                part_of: _,
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
