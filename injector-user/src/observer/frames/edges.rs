//! Who talks to whom.

use std::net::Ipv6Addr;
use std::time::Duration;

use injector_abi::trace::{Edge, EdgeKey, protocol, role};
use injector_core::telemetry::Value;

use super::super::totals::Total;
use super::fill::{Sheet, put};

/// Of TCP connections.
pub(super) fn add_tcp(sheet: &mut Sheet<'_>, target: &str, total: &Total) {
    for (key, edge) in of_protocol(total, protocol::TCP) {
        let [role, peer, port] = name_of(key);
        let labels = [target, &role, &peer, &port];
        let counts = [
            ("tcp_edge_connections", edge.opened),
            ("tcp_edge_failures", edge.failed),
            ("tcp_edge_sent", edge.sent),
            ("tcp_edge_received", edge.received),
            ("tcp_edge_retransmits", edge.retransmitted),
        ];
        for (metric, count) in counts {
            put(sheet, metric, &labels, Value::Count(count));
        }
        if let Some(mean_us) = edge.round_trip_us.checked_div(edge.round_trips) {
            let mean = Duration::from_micros(mean_us).as_secs_f64();
            put(sheet, "tcp_edge_round_trip", &labels, Value::Now(mean));
        }
    }
}

/// Of datagrams.
pub(super) fn add_udp(sheet: &mut Sheet<'_>, target: &str, total: &Total) {
    for (key, edge) in of_protocol(total, protocol::UDP) {
        let [role, peer, port] = name_of(key);
        let labels = [target, &role, &peer, &port];
        let counts = [
            ("udp_edge_packets", edge.opened),
            ("udp_edge_sent", edge.sent),
            ("udp_edge_received", edge.received),
        ];
        for (metric, count) in counts {
            put(sheet, metric, &labels, Value::Count(count));
        }
    }
}

fn of_protocol(total: &Total, protocol: u8) -> impl Iterator<Item = (&EdgeKey, &Edge)> {
    let edges = total.edges.iter();
    edges.filter(move |(key, _edge)| key.protocol == protocol)
}

/// The target's role, the peer's address and the server's port.
fn name_of(key: &EdgeKey) -> [String; 3] {
    let role = if key.role == role::CLIENT {
        "client"
    } else {
        "server"
    };
    let peer = Ipv6Addr::from(key.peer).to_canonical();
    [role.to_owned(), peer.to_string(), key.port.to_string()]
}
