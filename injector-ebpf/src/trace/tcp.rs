//! What becomes of a TCP connection.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use injector_abi::trace::{Edge, EdgeKey, Flow, UNOBSERVED, item, protocol, role};

use super::maps::FLOWS;
use super::rows::{self, End};
use super::{class, edge, fields};

/// States of a TCP connection (`include/net/tcp_states.h`).
pub mod state {
    pub const ESTABLISHED: u32 = 1;
    pub const SYN_SENT: u32 = 2;
    pub const SYN_RECV: u32 = 3;
    pub const CLOSE: u32 = 7;
    pub const LISTEN: u32 = 10;
}

const IPV6: u16 = 10;
/// `SOCK_DONE` of `include/net/sock.h`: the peer has sent everything.
const DONE: u32 = 1;

/// A task asks for a connection.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn asked(socket: u64) -> u32 {
    begin(socket, class::of_current(), role::CLIENT)
}

/// It was made.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn connected(socket: u64) -> u32 {
    if let Some(flow) = flow_of(socket) {
        let ns = now().wrapping_sub(flow.asked_ns);
        rows::timed(flow.class, item::CONNECT, ns, End::Returned(0));
        change(socket, &flow, |edge| edge.opened += 1);
    }
    0
}

/// It was not.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn refused(socket: u64) -> u32 {
    if let Some(flow) = flow_of(socket) {
        let ns = now().wrapping_sub(flow.asked_ns);
        let errno: u32 = fields::read(socket, |fields| fields.error).unwrap_or(0);
        rows::timed(flow.class, item::CONNECT, ns, End::Failed(errno));
        change(socket, &flow, |edge| edge.failed += 1);
        let _absent = FLOWS.remove(socket);
    }
    0
}

/// One that was asked for by somebody else was made.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn accepted(socket: u64) -> u32 {
    begin(socket, class::of_socket(socket), role::SERVER);
    if let Some(flow) = flow_of(socket) {
        rows::counted(flow.class, item::ACCEPT, End::Returned(0));
        change(socket, &flow, |edge| edge.opened += 1);
    }
    0
}

/// It is over.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn ended(socket: u64) -> u32 {
    if let Some(flow) = flow_of(socket) {
        let sent: u64 = fields::read(socket, |fields| fields.bytes_sent).unwrap_or(0);
        let resent: u64 = fields::read(socket, |fields| fields.bytes_again).unwrap_or(0);
        let received: u64 = fields::read(socket, |fields| fields.bytes_received).unwrap_or(0);
        let flags: u64 = fields::read(socket, |fields| fields.flags).unwrap_or(0);
        let again: u32 = fields::read(socket, |fields| fields.retransmitted).unwrap_or(0);
        // In eighths of a microsecond.
        let round_trip: u32 = fields::read(socket, |fields| fields.round_trip).unwrap_or(0);
        change(socket, &flow, |edge| {
            edge.closed += 1;
            edge.sent += sent.saturating_sub(resent);
            // The end of what the peer sent counts as a byte.
            edge.received += received.saturating_sub(flags >> DONE & 1);
            edge.retransmitted += u64::from(again);
            edge.round_trip_us += u64::from(round_trip >> 3);
            edge.round_trips += u64::from(round_trip != 0);
        });
        let _absent = FLOWS.remove(socket);
    }
    0
}

/// The class of a connection: as it began, or of whoever made the socket.
#[inline(always)]
#[must_use]
pub fn class_of(socket: u64) -> u32 {
    flow_of(socket).map_or_else(|| class::of_socket(socket), |flow| flow.class)
}

#[inline(always)]
fn begin(socket: u64, class: u32, role: u8) -> u32 {
    if class != UNOBSERVED {
        let flow = Flow {
            asked_ns: now(),
            class,
            port: port_of(socket, role).unwrap_or(0),
            role: u16::from(role),
        };
        // The table makes room.
        let _kept = FLOWS.insert(socket, flow, 0);
    }
    0
}

#[inline(always)]
fn flow_of(socket: u64) -> Option<Flow> {
    // SAFETY: copied at once.
    unsafe { FLOWS.get(socket) }.copied()
}

#[inline(always)]
fn change(socket: u64, flow: &Flow, change: impl FnOnce(&mut Edge)) {
    if let Some(key) = key_of(socket, flow) {
        edge::change(&key, change);
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
fn key_of(socket: u64, flow: &Flow) -> Option<EdgeKey> {
    let family: u16 = fields::read(socket, |fields| fields.family)?;
    let peer = if family == IPV6 {
        fields::read(socket, |fields| fields.peer6)?
    } else {
        edge::mapped(fields::read(socket, |fields| fields.peer4)?)
    };
    Some(EdgeKey {
        peer,
        class: flow.class,
        port: flow.port,
        role: flow.role as u8,
        protocol: protocol::TCP,
    })
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper has no arguments.
    unsafe { bpf_ktime_get_ns() }
}
