//! What one end says of another.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::telemetry::frame::{Series, Value};
use crate::telemetry::window::Window;
use crate::words::words;

/// Which end of a link a target is; of UDP whoever has the lower port is the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Client,
    Server,
}

words!(Role, "a role", {
    Client => "client",
    Server => "server",
});

/// By what packets are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Tcp,
    Udp,
}

words!(Transport, "a transport", {
    Tcp => "tcp",
    Udp => "udp",
});

/// A target and a peer of it; an observer keeps at most 4096 at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// As observers call it.
    pub target: String,
    pub role: Role,
    pub transport: Transport,
    /// Of the server, whichever end that is.
    pub port: u16,
    pub peer: IpAddr,
}

/// What a link has carried, as the target sees it. Of TCP, bytes and what comes of them are told when a
/// connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exchange {
    /// Connections made; of TCP only.
    pub connections: u64,
    /// Connections asked for and not made; of TCP only.
    pub failures: u64,
    /// Datagrams either way; of UDP only.
    pub packets: u64,
    /// Bytes that the target sent.
    pub sent: u64,
    /// Bytes that the target received.
    pub received: u64,
    /// Segments that the target sent again.
    pub retransmits: u64,
    /// Seconds; none where no connection has ended.
    pub round_trip: Option<f64>,
}

impl Exchange {
    /// Whether nothing was exchanged or tried.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let Self {
            connections,
            failures,
            packets,
            sent,
            received,
            retransmits,
            round_trip: _,
        } = *self;
        [connections, failures, packets, sent, received, retransmits] == [0; 6]
    }

    /// Adds another's; of two round trips the longer one stays.
    pub(super) fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.failures += other.failures;
        self.packets += other.packets;
        self.sent += other.sent;
        self.received += other.received;
        self.retransmits += other.retransmits;
        self.round_trip = self
            .round_trip
            .into_iter()
            .chain(other.round_trip)
            .reduce(f64::max);
    }

    /// What is left without another's, which may have been counted a moment later.
    #[must_use]
    pub(super) fn without(&self, other: &Self) -> Self {
        Self {
            connections: self.connections.saturating_sub(other.connections),
            failures: self.failures.saturating_sub(other.failures),
            packets: self.packets.saturating_sub(other.packets),
            sent: self.sent.saturating_sub(other.sent),
            received: self.received.saturating_sub(other.received),
            retransmits: self.retransmits.saturating_sub(other.retransmits),
            round_trip: self.round_trip,
        }
    }

    /// As the other end sees it, but for what only this end can know.
    #[must_use]
    pub(super) fn turned(&self) -> Self {
        Self {
            sent: self.received,
            received: self.sent,
            retransmits: 0,
            round_trip: None,
            ..*self
        }
    }

    fn note(&mut self, what: &str, value: &Value) {
        let count = value.count();
        match (what, value) {
            ("connections", _) => self.connections = count,
            ("failures", _) => self.failures = count,
            ("packets", _) => self.packets = count,
            ("sent", _) => self.sent = count,
            ("received", _) => self.received = count,
            ("retransmits", _) => self.retransmits = count,
            ("round_trip", Value::Now(seconds)) => self.round_trip = Some(*seconds),
            _ => {}
        }
    }
}

/// Every link that a window knows, quiet ones included.
#[must_use]
pub fn links(window: &Window<'_>) -> BTreeMap<Link, Exchange> {
    let mut links: BTreeMap<Link, Exchange> = BTreeMap::new();
    for (series, value) in window.changes() {
        if let Some((link, what)) = link(series) {
            links.entry(link).or_default().note(what, &value);
        }
    }
    links
}

/// Of a series of an edge, whose it is and what it counts.
fn link(series: &Series) -> Option<(Link, &'static str)> {
    let name = series.metric().name;
    let tcp = name.strip_prefix("tcp_edge_");
    let udp = name.strip_prefix("udp_edge_");
    let transport = if tcp.is_some() {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    let peer: IpAddr = series.label("peer")?.parse().ok()?;
    let link = Link {
        target: series.label("target")?.to_owned(),
        role: series.label("role")?.parse().ok()?,
        transport,
        port: series.label("port")?.parse().ok()?,
        peer: peer.to_canonical(),
    };
    Some((link, tcp.or(udp)?))
}
