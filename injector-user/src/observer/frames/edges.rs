//! Who talks to whom.

use std::net::Ipv6Addr;

use injector_abi::trace::{Edge, EdgeKey, protocol, role};
use injector_core::telemetry::{Frame, Value};

use super::super::totals::Total;
use super::fill::put;

pub(super) fn add(frame: &mut Frame, target: &str, total: &Total) {
    for (key, edge) in &total.edges {
        let Some(name) = Name::of(key) else {
            continue;
        };
        let labels = [target, name.protocol, name.role, &name.peer, &name.port];
        add_edge(frame, &labels, edge);
    }
}

/// What the labels of an edge say.
struct Name {
    protocol: &'static str,
    role: &'static str,
    peer: String,
    port: String,
}

impl Name {
    fn of(key: &EdgeKey) -> Option<Self> {
        let protocol = match key.protocol {
            protocol::TCP => "tcp",
            protocol::UDP => "udp",
            _ => return None,
        };
        let role = if key.role == role::CLIENT {
            "client"
        } else {
            "server"
        };
        Some(Self {
            protocol,
            role,
            peer: Ipv6Addr::from(key.peer).to_canonical().to_string(),
            port: key.port.to_string(),
        })
    }
}

fn add_edge(frame: &mut Frame, labels: &[&str], edge: &Edge) {
    let counts = [
        ("edge_connections", edge.opened),
        ("edge_failures", edge.failed),
        ("edge_sent", edge.sent),
        ("edge_received", edge.received),
        ("edge_retransmits", edge.retransmitted),
    ];
    for (metric, count) in counts {
        put(frame, metric, labels, Value::Count(count));
    }
    if let Some(mean_us) = edge.round_trip_us.checked_div(edge.round_trips) {
        let mean = std::time::Duration::from_micros(mean_us).as_secs_f64();
        put(frame, "edge_round_trip", labels, Value::Now(mean));
    }
}
