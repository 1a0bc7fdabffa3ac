//! Maps of windows that are known.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;

use super::{Graph, NodeKind, links};
use crate::telemetry::{Frame, Series, Value, Window, named};

/// Target, role, peer, port.
type Ends<'a> = (&'a str, &'a str, &'a str, u16);

fn put(frame: &mut Frame, metric: &str, ends: Ends<'_>, value: Value) {
    let (target, role, peer, port) = ends;
    let labels = [target, role, peer, &port.to_string()].map(str::to_owned);
    let series = Series::of(named(metric).unwrap(), labels.to_vec()).unwrap();
    frame.values.insert(series, value);
}

/// Connections, bytes sent and received.
fn tcp(frame: &mut Frame, ends: Ends<'_>, [connections, sent, received]: [u64; 3]) {
    put(
        frame,
        "tcp_edge_connections",
        ends,
        Value::Count(connections),
    );
    put(frame, "tcp_edge_sent", ends, Value::Count(sent));
    put(frame, "tcp_edge_received", ends, Value::Count(received));
}

fn graph_of(to: &Frame, local: &[&str]) -> Graph {
    let from = Frame::default();
    let window = Window { from: &from, to };
    let local = local.iter().map(|address| address.parse().unwrap());
    Graph::of(&window, &[], &local.collect::<BTreeSet<IpAddr>>())
}

/// `CLIENT -> SERVER PORT: CONNECTIONS, BYTES there and back` of each edge.
fn edges(graph: &Graph) -> Vec<String> {
    let edges = graph.edges.iter().map(|edge| {
        let (client, server, port) = (&edge.client, &edge.server, edge.port);
        let (there, back) = (edge.client_bytes, edge.server_bytes);
        format!(
            "{client} -> {server} {port}: {}, {there} and {back}",
            edge.connections
        )
    });
    edges.collect()
}

fn frame() -> Frame {
    Frame {
        at_ns: 2_000_000_000,
        ..Frame::default()
    }
}

#[test]
fn both_ends_of_a_connection_are_one_edge() {
    let mut frame = frame();
    tcp(
        &mut frame,
        ("comm:web", "client", "127.0.0.1", 5432),
        [4, 100, 900],
    );
    tcp(
        &mut frame,
        ("comm:db", "server", "127.0.0.1", 5432),
        [4, 900, 100],
    );
    let again = ("comm:db", "server", "127.0.0.1", 5432);
    put(&mut frame, "tcp_edge_retransmits", again, Value::Count(3));
    let graph = graph_of(&frame, &[]);
    assert_eq!(edges(&graph), ["comm:web -> comm:db 5432: 4, 100 and 900"]);
    assert_eq!(
        format!("{:.3}", graph.edges[0].connections_per_second),
        "2.000"
    );
    assert_eq!(graph.edges[0].retransmits, 3);
}

#[test]
fn an_address_of_this_host_is_known_only_as_one() {
    let mut frame = frame();
    tcp(
        &mut frame,
        ("comm:web", "client", "10.0.0.1", 80),
        [1, 2, 3],
    );
    tcp(
        &mut frame,
        ("comm:srv", "server", "10.0.0.1", 80),
        [1, 3, 2],
    );
    assert_eq!(
        edges(&graph_of(&frame, &["10.0.0.1"])),
        ["comm:web -> comm:srv 80: 1, 2 and 3"]
    );
    assert_eq!(
        edges(&graph_of(&frame, &[])),
        [
            "comm:web -> 10.0.0.1 80: 1, 2 and 3",
            "10.0.0.1 -> comm:srv 80: 1, 2 and 3"
        ]
    );
}

#[test]
fn of_two_who_serve_a_port_it_cannot_be_told_who_was_meant() {
    let mut frame = frame();
    tcp(
        &mut frame,
        ("comm:web", "client", "127.0.0.1", 80),
        [1, 0, 0],
    );
    tcp(
        &mut frame,
        ("netns:a", "server", "127.0.0.1", 80),
        [1, 0, 0],
    );
    tcp(
        &mut frame,
        ("netns:b", "server", "127.0.0.1", 80),
        [1, 0, 0],
    );
    let graph = graph_of(&frame, &[]);
    let peers = graph
        .nodes
        .iter()
        .filter(|node| node.kind == NodeKind::Peer);
    assert_eq!(peers.count(), 1);
    assert_eq!(graph.edges.len(), 3);
}

#[test]
fn clients_that_are_no_targets_are_left_over() {
    let mut frame = frame();
    tcp(
        &mut frame,
        ("comm:a", "client", "127.0.0.1", 80),
        [1, 10, 20],
    );
    tcp(
        &mut frame,
        ("comm:b", "client", "127.0.0.1", 80),
        [2, 30, 40],
    );
    tcp(
        &mut frame,
        ("comm:s", "server", "127.0.0.1", 80),
        [8, 160, 100],
    );
    assert_eq!(
        edges(&graph_of(&frame, &[])),
        [
            "comm:a -> comm:s 80: 1, 10 and 20",
            "comm:b -> comm:s 80: 2, 30 and 40",
            "127.0.0.1 -> comm:s 80: 5, 60 and 100"
        ]
    );
}

#[test]
fn the_host_is_what_nobody_else_has() {
    let mut frame = frame();
    tcp(
        &mut frame,
        ("comm:a", "client", "192.0.2.1", 443),
        [3, 30, 300],
    );
    tcp(
        &mut frame,
        ("host", "client", "192.0.2.1", 443),
        [5, 70, 500],
    );
    tcp(&mut frame, ("host", "server", "127.0.0.1", 53), [1, 1, 1]);
    tcp(&mut frame, ("host", "client", "127.0.0.1", 53), [1, 1, 1]);
    assert_eq!(
        edges(&graph_of(&frame, &[])),
        [
            "comm:a -> 192.0.2.1 443: 3, 30 and 300",
            "host -> host 53: 1, 1 and 1",
            "host -> 192.0.2.1 443: 2, 40 and 200"
        ]
    );
}

#[test]
fn who_failed_to_connect_is_on_the_map() {
    let mut frame = frame();
    let ends = ("comm:a", "client", "192.0.2.9", 81);
    put(&mut frame, "tcp_edge_failures", ends, Value::Count(7));
    let graph = graph_of(&frame, &[]);
    assert_eq!(
        (graph.edges[0].failures, graph.edges[0].connections),
        (7, 0)
    );
}

#[test]
fn what_was_quiet_is_no_edge_and_a_target_is_a_node_still() {
    let mut frame = frame();
    tcp(&mut frame, ("comm:a", "client", "192.0.2.9", 81), [7, 1, 1]);
    let window = Window {
        from: &frame,
        to: &frame,
    };
    let graph = Graph::of(&window, &["comm:a".to_owned()], &BTreeSet::new());
    assert_eq!((graph.nodes.len(), graph.edges.len()), (1, 0));
}

#[test]
fn datagrams_and_a_mapped_address() {
    let mut frame = frame();
    let ends = ("comm:a", "client", "::ffff:192.0.2.53", 53);
    put(&mut frame, "udp_edge_packets", ends, Value::Count(2));
    put(&mut frame, "tcp_edge_round_trip", ends, Value::Now(0.5));
    let graph = graph_of(&frame, &[]);
    assert_eq!(graph.edges.len(), 1, "a round trip alone is no edge");
    assert_eq!(graph.edges[0].server, "192.0.2.53");
    assert_eq!(graph.edges[0].packets, 2);
}

proptest! {
    /// Whoever is a target and whoever is not: each connection is told once for each that is known only
    /// by its address, and never less often than clients saw it.
    #[test]
    fn no_connection_is_lost(
        seen in proptest::collection::vec(
            (0..4_usize, any::<bool>(), 0..3_usize, 80..83_u16, 1..100_u64), 1..40,
        ),
    ) {
        let targets = ["comm:a", "comm:b", "comm:c", "comm:d"];
        let peers = ["127.0.0.1", "10.0.0.1", "192.0.2.1"];
        let mut frame = frame();
        for (target, client, peer, port, connections) in &seen {
            let role = if *client { "client" } else { "server" };
            let ends = (targets[*target], role, peers[*peer], *port);
            tcp(&mut frame, ends, [*connections, *connections * 3, *connections * 5]);
        }
        let from = Frame::default();
        let window = Window { from: &from, to: &frame };
        let known = links(&window);
        let graph = graph_of(&frame, &["10.0.0.1"]);
        for target in targets {
            let of_links = |role: &str| -> u64 {
                let mine = known.iter().filter(|(link, _)| link.target == target);
                let mine = mine.filter(|(link, _)| link.role.name() == role);
                mine.map(|(_, exchange)| exchange.connections).sum()
            };
            let as_client: u64 = graph.edges.iter()
                .filter(|edge| edge.client == target).map(|edge| edge.connections).sum();
            let as_server: u64 = graph.edges.iter()
                .filter(|edge| edge.server == target).map(|edge| edge.connections).sum();
            prop_assert_eq!(as_client, of_links("client"));
            prop_assert!(as_server >= of_links("server"));
        }
        for edge in &graph.edges {
            for end in [&edge.client, &edge.server] {
                prop_assert!(graph.nodes.iter().any(|node| node.name == *end));
            }
        }
    }
}
