//! For people: a tree of clients, with whom they ask.

use injector_core::telemetry::{Edge, Graph, Node, NodeKind, Transport};

use crate::cli::quantity::{bytes, count, duration, rate};
use crate::cli::style::Style;

/// What an edge says, in columns.
const COLUMNS: usize = 7;

/// All of it: nodes that ask nobody only if nobody asks them.
pub(super) fn tree(graph: &Graph, seconds: f64, style: Style) -> String {
    let (nodes, edges) = (graph.nodes.len(), graph.edges.len());
    let mut parts = vec![format!("{seconds:.1} s, {nodes} nodes, {edges} edges")];
    let rows: Vec<[String; COLUMNS]> = graph.edges.iter().map(cells).collect();
    let widths = widths(&rows);
    for node in &graph.nodes {
        let edges = graph.edges.iter().zip(&rows);
        let asked: Vec<&[String; COLUMNS]> = edges
            .filter(|(edge, _row)| edge.client == node.name)
            .map(|(_edge, row)| row)
            .collect();
        let is_asked = graph.edges.iter().any(|edge| edge.server == node.name);
        if !asked.is_empty() || !is_asked {
            parts.push(branch(node, &asked, &widths, style));
        }
    }
    parts.join("\n\n")
}

fn branch(
    node: &Node,
    asked: &[&[String; COLUMNS]],
    widths: &[usize; COLUMNS],
    style: Style,
) -> String {
    let name = match node.kind {
        NodeKind::Target => style.title(&node.name),
        NodeKind::Peer => node.name.clone(),
    };
    let nobody = if asked.is_empty() {
        style.dim(": talked to nobody")
    } else {
        String::new()
    };
    let mut lines = vec![format!("{name}{nobody}")];
    for (number, row) in asked.iter().enumerate() {
        let twig = if number + 1 == asked.len() {
            "└─"
        } else {
            "├─"
        };
        let padded = row.iter().zip(widths);
        let padded = padded.map(|(cell, width)| format!("{cell:<width$}"));
        let padded: Vec<String> = padded.collect();
        lines.push(format!("{twig} {}", padded.join("  ").trim_end()));
    }
    lines.join("\n")
}

fn widths(rows: &[[String; COLUMNS]]) -> [usize; COLUMNS] {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

fn cells(edge: &Edge) -> [String; COLUMNS] {
    let [amount, failures] = amounts(edge);
    [
        edge.server.clone(),
        format!("{} {}", edge.transport, edge.port),
        amount,
        failures,
        carried(edge),
        again(edge),
        round_trip(edge),
    ]
}

/// Connections or datagrams, and what failed.
pub(super) fn amounts(edge: &Edge) -> [String; 2] {
    let amount = match edge.transport {
        Transport::Tcp => format!("{} conn/s", rate(edge.connections_per_second)),
        Transport::Udp => format!("{} datagrams", edge.packets),
    };
    let failures = match edge.failures {
        0 => String::new(),
        failures => format!("{failures} failed"),
    };
    [amount, failures]
}

/// Bytes each way.
pub(super) fn carried(edge: &Edge) -> String {
    let [there, back] = [edge.client_bytes, edge.server_bytes].map(|value| bytes(count(value)));
    format!("{there} there, {back} back")
}

/// Segments that were sent again, if there were any.
pub(super) fn again(edge: &Edge) -> String {
    match edge.retransmits {
        0 => String::new(),
        again => format!("{again} sent again"),
    }
}

/// How long it took, if that is known.
pub(super) fn round_trip(edge: &Edge) -> String {
    let seconds = edge.round_trip_seconds;
    seconds.map_or_else(String::new, |seconds| {
        format!("{} round trip", duration(seconds))
    })
}

#[cfg(test)]
mod tests {
    use injector_core::telemetry::{Edge, Graph, Node, NodeKind, Transport};

    use super::tree;
    use crate::cli::style::Style;

    fn edge(client: &str, server: &str, port: u16) -> Edge {
        Edge {
            client: client.to_owned(),
            server: server.to_owned(),
            transport: Transport::Tcp,
            port,
            connections: 40,
            connections_per_second: 4.0,
            failures: 0,
            packets: 0,
            client_bytes: 2048,
            server_bytes: 3_145_728,
            retransmits: 0,
            round_trip_seconds: Some(45.6e-6),
        }
    }

    fn node(name: &str, kind: NodeKind) -> Node {
        Node {
            name: name.to_owned(),
            kind,
        }
    }

    #[test]
    fn columns_stand_below_one_another_across_the_tree() {
        let failing = Edge {
            failures: 12,
            retransmits: 3,
            round_trip_seconds: None,
            ..edge("comm:web", "192.0.2.10", 443)
        };
        let asking = Edge {
            transport: Transport::Udp,
            packets: 1_234,
            round_trip_seconds: None,
            ..edge("10.0.0.9", "comm:web", 53)
        };
        let graph = Graph {
            nodes: vec![
                node("comm:db", NodeKind::Target),
                node("comm:idle", NodeKind::Target),
                node("comm:web", NodeKind::Target),
                node("10.0.0.9", NodeKind::Peer),
                node("192.0.2.10", NodeKind::Peer),
            ],
            edges: vec![asking, edge("comm:web", "comm:db", 5432), failing],
        };
        let shown = tree(&graph, 10.0, Style::PLAIN);
        let expected = "\
10.0 s, 5 nodes, 3 edges

comm:idle: talked to nobody

comm:web
├─ comm:db     tcp 5432  4.0 conn/s                 2.0 KiB there, 3.0 MiB back                45.6 µs round trip
└─ 192.0.2.10  tcp 443   4.0 conn/s      12 failed  2.0 KiB there, 3.0 MiB back  3 sent again

10.0.0.9
└─ comm:web    udp 53    1234 datagrams             2.0 KiB there, 3.0 MiB back";
        assert_eq!(shown, expected, "\n{shown}");
    }
}
