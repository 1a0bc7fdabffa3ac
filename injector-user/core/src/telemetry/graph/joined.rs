//! Both ends of a link that are both targets are one edge; what is of several targets is told once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::link::{Exchange, Link, Role, Transport};

/// Target that everybody else is a part of.
const HOST: &str = "host";

/// An end of an edge: a target, or somebody of whom only the address is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Target(String),
    Peer(IpAddr),
}

/// Who asks whom for what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) client: End,
    pub(super) server: End,
    pub(super) transport: Transport,
    pub(super) port: u16,
}

/// A port of this host, reached by an address of this kind: who comes over the loopback interface has an
/// address of it himself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Door {
    transport: Transport,
    port: u16,
    loopback: bool,
}

/// What was seen from clients of one target at one of its doors, as the target sees it.
#[derive(Debug, Default)]
struct Seen {
    exchange: Exchange,
    paths: BTreeSet<Path>,
}

/// Every path on which something was exchanged, as its client sees it.
pub(super) fn joined(
    links: &BTreeMap<Link, Exchange>,
    local: &BTreeSet<IpAddr>,
) -> BTreeMap<Path, Exchange> {
    let links = apart(links);
    let doors = doors(&links, local);
    let mut paths: BTreeMap<Path, Exchange> = BTreeMap::new();
    let mut seen: BTreeMap<(String, Door), Seen> = BTreeMap::new();
    for (link, exchange) in of_role(&links, Role::Client) {
        let found = door(link, local).and_then(|door| Some((only(doors.get(&door)?)?, door)));
        let server = found.clone().map(|(target, _door)| End::Target(target));
        let path = path(
            End::Target(link.target.clone()),
            server.unwrap_or(End::Peer(link.peer)),
            link,
        );
        if let Some(found) = found {
            let seen = seen.entry(found).or_default();
            seen.exchange.add(&exchange.turned());
            seen.paths.insert(path.clone());
        }
        paths.entry(path).or_default().add(exchange);
    }
    for (link, exchange) in of_role(&links, Role::Server) {
        add_server(&mut paths, link, exchange, door(link, local), &mut seen);
    }
    paths.retain(|_path, exchange| !exchange.is_quiet());
    paths
}

/// What a server saw of clients that are no targets; it alone knows what it sent again.
fn add_server(
    paths: &mut BTreeMap<Path, Exchange>,
    link: &Link,
    exchange: &Exchange,
    door: Option<Door>,
    seen: &mut BTreeMap<(String, Door), Seen>,
) {
    let mut rest = *exchange;
    let seen = door.and_then(|door| seen.get_mut(&(link.target.clone(), door)));
    if let Some(seen) = seen {
        rest = exchange.without(&seen.exchange);
        seen.exchange = seen.exchange.without(exchange);
        let only = seen.paths.first().filter(|_first| seen.paths.len() == 1);
        if let Some(path) = only.and_then(|path| paths.get_mut(path)) {
            path.retransmits += rest.retransmits;
            rest.retransmits = 0;
        }
    }
    let ours = Exchange {
        retransmits: rest.retransmits,
        round_trip: rest.round_trip,
        ..rest.turned()
    };
    // What is left of bytes alone was counted in another moment than the connection.
    if [
        ours.connections,
        ours.failures,
        ours.packets,
        ours.retransmits,
    ] != [0; 4]
        || rest == *exchange
    {
        let path = path(End::Peer(link.peer), End::Target(link.target.clone()), link);
        paths.entry(path).or_default().add(&ours);
    }
}

fn path(client: End, server: End, link: &Link) -> Path {
    Path {
        client,
        server,
        transport: link.transport,
        port: link.port,
    }
}

fn of_role(
    links: &BTreeMap<Link, Exchange>,
    role: Role,
) -> impl Iterator<Item = (&Link, &Exchange)> {
    links.iter().filter(move |(link, _)| link.role == role)
}

/// The host's links without what other targets of it have: they are parts of it.
fn apart(links: &BTreeMap<Link, Exchange>) -> BTreeMap<Link, Exchange> {
    let mut of_parts: BTreeMap<Link, Exchange> = BTreeMap::new();
    for (link, exchange) in links.iter().filter(|(link, _)| link.target != HOST) {
        let of_host = Link {
            target: HOST.to_owned(),
            ..link.clone()
        };
        of_parts.entry(of_host).or_default().add(exchange);
    }
    let rest = links.iter().map(|(link, exchange)| {
        let parts = of_parts.get(link);
        let rest = parts.map_or(*exchange, |parts| exchange.without(parts));
        (link.clone(), rest)
    });
    rest.filter(|(_link, rest)| !rest.is_quiet()).collect()
}

/// Who serves each port of this host.
fn doors(
    links: &BTreeMap<Link, Exchange>,
    local: &BTreeSet<IpAddr>,
) -> BTreeMap<Door, BTreeSet<String>> {
    let mut doors: BTreeMap<Door, BTreeSet<String>> = BTreeMap::new();
    for (link, _exchange) in of_role(links, Role::Server) {
        if let Some(door) = door(link, local) {
            doors.entry(door).or_default().insert(link.target.clone());
        }
    }
    doors
}

/// The port of a link both ends of which are here.
fn door(link: &Link, local: &BTreeSet<IpAddr>) -> Option<Door> {
    let loopback = link.peer.is_loopback();
    let here = loopback || local.contains(&link.peer);
    here.then_some(Door {
        transport: link.transport,
        port: link.port,
        loopback,
    })
}

/// Who it must be; the rest of the host only if it is nobody else.
fn only(targets: &BTreeSet<String>) -> Option<String> {
    let mut others = targets.iter().filter(|target| *target != HOST);
    match (others.next(), others.next()) {
        (Some(only), None) => Some(only.clone()),
        (None, _) => targets.first().cloned(),
        (Some(_), Some(_)) => None,
    }
}
