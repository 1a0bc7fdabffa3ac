//! The map as it is shown: nodes, and edges from whoever asks to whoever answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use super::joined::{End, Path, joined};
use super::link::{Exchange, Transport, links};
use crate::telemetry::window::Window;
use crate::words::words;

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// Was observed.
    Target,
    /// Talked to a target.
    Peer,
}

words!(NodeKind, "a kind of node", {
    Target => "target",
    Peer => "peer",
});

/// A target, or somebody of whom only the address is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Node {
    /// The target as it was asked for, or the peer's address; no two nodes have the same.
    pub name: String,
    pub kind: NodeKind,
}

/// What a client and a server have exchanged in a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edge {
    /// Name of the node that asks.
    pub client: String,
    /// Name of the node that answers.
    pub server: String,
    pub transport: Transport,
    /// Of the server.
    pub port: u16,
    /// Made; of TCP only.
    pub connections: u64,
    /// Made in a second, on average.
    pub connections_per_second: f64,
    /// Asked for and not made; of TCP only.
    pub failures: u64,
    /// Datagrams either way; of UDP only.
    pub packets: u64,
    /// From the client to the server.
    pub client_bytes: u64,
    /// From the server to the client.
    pub server_bytes: u64,
    /// Segments that targets at its ends sent again.
    pub retransmits: u64,
    /// The client's if it is a target, else the server's; where an end has several addresses, the longest.
    pub round_trip_seconds: Option<f64>,
}

/// Who talks to whom. The number of edges is bounded by that of links, 4096 for all targets together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Graph {
    /// Targets first, then peers; of each kind in the order of names and addresses.
    pub nodes: Vec<Node>,
    /// By client, server, transport and port.
    pub edges: Vec<Edge>,
}

impl Graph {
    /// What a window says. `targets` are nodes even if they talked to nobody. A peer with an address of
    /// `local`, or of the loopback interface, is the one target that serves its port; where several do, or
    /// none does, it stays an address.
    ///
    /// `host` stands for what no other target of it has. Other targets that contain one another are told
    /// each.
    #[must_use]
    pub fn of(window: &Window<'_>, targets: &[String], local: &BTreeSet<IpAddr>) -> Self {
        let paths = joined(&links(window), local);
        let asked = targets.iter().cloned().map(End::Target);
        let met = paths
            .keys()
            .flat_map(|path| [path.client.clone(), path.server.clone()]);
        let ends: BTreeSet<End> = asked.chain(met).collect();
        Self {
            nodes: ends.iter().map(node).collect(),
            edges: edges(&paths, window),
        }
    }
}

fn edges(paths: &BTreeMap<Path, Exchange>, window: &Window<'_>) -> Vec<Edge> {
    let edges = paths.iter().map(|(path, exchange)| Edge {
        client: node(&path.client).name,
        server: node(&path.server).name,
        transport: path.transport,
        port: path.port,
        connections: exchange.connections,
        connections_per_second: window.rate(exchange.connections),
        failures: exchange.failures,
        packets: exchange.packets,
        client_bytes: exchange.sent,
        server_bytes: exchange.received,
        retransmits: exchange.retransmits,
        round_trip_seconds: exchange.round_trip,
    });
    edges.collect()
}

fn node(end: &End) -> Node {
    match end {
        End::Target(name) => Node {
            name: name.clone(),
            kind: NodeKind::Target,
        },
        End::Peer(address) => Node {
            name: address.to_string(),
            kind: NodeKind::Peer,
        },
    }
}
