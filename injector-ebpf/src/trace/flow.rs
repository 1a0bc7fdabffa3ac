//! What is kept of a TCP connection, and what it carries.
//!
//! Whoever comes here has the socket to themselves: the kernel holds its lock at these tracepoints.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use injector_abi::trace::{Edge, EdgeKey, Fields, Flow, UNOBSERVED, protocol, role};

use super::maps::FLOWS;
use super::{class, edge, fields};

const IPV6: u16 = 10;
/// `SOCK_DONE` of `include/net/sock.h`: the peer has sent everything.
const DONE: u32 = 1;

/// The class of a connection: of whoever asked for it, or of whoever made the socket.
#[inline(always)]
#[must_use]
pub fn class_of(socket: u64) -> u32 {
    of(socket).map_or_else(|| class::of_socket(socket), |flow| flow.class)
}

#[inline(always)]
pub fn keep(socket: u64, class: u32, asker: u32, role: u8) {
    let flow = Flow {
        peer: peer_of(socket).unwrap_or_default(),
        asked_ns: now(),
        epoch: class::epoch(),
        class,
        asker,
        port: port_of(socket, role).unwrap_or(0),
        role: u16::from(role),
        ..Flow::default()
    };
    // The table makes room.
    let _kept = FLOWS.insert(socket, flow, 0);
}

/// What is kept of it, with the class that it has now.
#[inline(always)]
pub fn of(socket: u64) -> Option<&'static mut Flow> {
    let flow = FLOWS.get_ptr_mut(socket)?;
    // SAFETY: nobody else changes what is kept of this socket.
    let flow = unsafe { &mut *flow };
    if flow.epoch != class::epoch() {
        renew(socket, flow);
    }
    Some(flow)
}

#[inline(always)]
fn renew(socket: u64, flow: &mut Flow) {
    let before = flow.class;
    flow.epoch = class::epoch();
    flow.class = asker_of(flow).unwrap_or_else(|| class::of_socket(socket));
    if before == UNOBSERVED {
        skip(socket, flow);
    }
}

#[inline(always)]
fn asker_of(flow: &Flow) -> Option<u32> {
    if flow.asker == 0 {
        return None;
    }
    class::of_thread_group(flow.asker)
}

/// What a connection has carried.
struct Carried {
    sent: u64,
    received: u64,
    retransmitted: u32,
}

impl Carried {
    /// What has not changed `since` is not looked into: mostly one way alone has moved.
    #[inline(always)]
    fn by(socket: u64, fields: &Fields, since: &Flow) -> Self {
        let mut now = Self {
            sent: fields::at(socket, fields.bytes_sent).unwrap_or(0),
            received: fields::at(socket, fields.bytes_received).unwrap_or(0),
            retransmitted: since.retransmitted,
        };
        if now.sent != since.sent {
            now.retransmitted = fields::at(socket, fields.retransmitted).unwrap_or(0);
        }
        if now.retransmitted != 0 {
            let again: u64 = fields::at(socket, fields.bytes_again).unwrap_or(0);
            now.sent = now.sent.saturating_sub(again);
        }
        if now.received != since.received {
            let flags: u64 = fields::at(socket, fields.flags).unwrap_or(0);
            // The end of what the peer sent counts as a byte.
            now.received = now.received.saturating_sub(flags >> DONE & 1);
        }
        now
    }
}

/// Leaves out what it has carried so far.
#[inline(always)]
pub fn skip(socket: u64, flow: &mut Flow) {
    let Some(fields) = fields::all() else {
        return;
    };
    // Other than anything that is there: all of it is looked into.
    (flow.sent, flow.received) = (u64::MAX, u64::MAX);
    let carried = Carried::by(socket, fields, flow);
    flow.sent = carried.sent;
    flow.received = carried.received;
    flow.retransmitted = carried.retransmitted;
}

/// Counts what it has carried since that was last done.
#[inline(always)]
pub fn count(socket: u64, flow: &mut Flow) {
    let Some(fields) = fields::all() else {
        return;
    };
    let carried = Carried::by(socket, fields, flow);
    let sent = carried.sent.saturating_sub(flow.sent);
    let received = carried.received.saturating_sub(flow.received);
    let again = carried.retransmitted.wrapping_sub(flow.retransmitted);
    if sent | received | u64::from(again) == 0 {
        return;
    }
    flow.sent += sent;
    flow.received += received;
    flow.retransmitted = carried.retransmitted;
    // In eighths of a microsecond; nobody who only receives knows a new one.
    let round_trip: u32 = if sent == 0 {
        0
    } else {
        fields::at(socket, fields.round_trip).unwrap_or(0)
    };
    change(flow, |edge| {
        edge::add(&mut edge.sent, sent);
        edge::add(&mut edge.received, received);
        edge::add(&mut edge.retransmitted, u64::from(again));
        edge::add(&mut edge.round_trip_us, u64::from(round_trip >> 3));
        edge::add(&mut edge.round_trips, u64::from(round_trip != 0));
    });
}

#[inline(always)]
pub fn change(flow: &Flow, change: impl FnOnce(&mut Edge)) {
    // Nobody observes it any more.
    if flow.class == UNOBSERVED {
        return;
    }
    let key = EdgeKey {
        peer: flow.peer,
        class: flow.class,
        port: flow.port,
        role: flow.role as u8,
        protocol: protocol::TCP,
    };
    edge::change(&key, change);
}

/// Of a connection whose beginning nobody saw: servers have the lower ports.
#[inline(always)]
pub fn likely_role(socket: u64) -> u8 {
    if port_of(socket, role::SERVER) < port_of(socket, role::CLIENT) {
        role::SERVER
    } else {
        role::CLIENT
    }
}

#[inline(always)]
fn port_of(socket: u64, role: u8) -> Option<u16> {
    if role == role::CLIENT {
        fields::read(socket, |fields| fields.peer_port).map(u16::from_be)
    } else {
        fields::read(socket, |fields| fields.own_port)
    }
}

#[inline(always)]
fn peer_of(socket: u64) -> Option<[u8; 16]> {
    let family: u16 = fields::read(socket, |fields| fields.family)?;
    if family == IPV6 {
        fields::read(socket, |fields| fields.peer6)
    } else {
        fields::read(socket, |fields| fields.peer4).map(edge::mapped)
    }
}

#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: the helper has no arguments.
    unsafe { bpf_ktime_get_ns() }
}
