//! What becomes of a TCP connection.

use injector_abi::trace::{UNOBSERVED, item, role};

use super::maps::FLOWS;
use super::rows::{self, End};
use super::{class, edge, fields, flow};
use crate::task;

/// States of a TCP connection (`include/net/tcp_states.h`).
pub mod state {
    pub const ESTABLISHED: u32 = 1;
    pub const SYN_SENT: u32 = 2;
    pub const SYN_RECV: u32 = 3;
    pub const CLOSE: u32 = 7;
    pub const LISTEN: u32 = 10;
}

/// A task asks for a connection.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn asked(socket: u64) -> u32 {
    let class = class::of_current();
    if class != UNOBSERVED {
        let asker = task::tgid();
        flow::keep(socket, class, asker, role::CLIENT);
    }
    0
}

/// It was made.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn connected(socket: u64) -> u32 {
    if let Some(flow) = flow::of(socket) {
        let ns = flow::now().wrapping_sub(flow.asked_ns);
        rows::timed(flow.class, item::CONNECT, ns, End::returned(0));
        flow::change(flow, |edge| edge::add(&mut edge.opened, 1));
    }
    0
}

/// It was not.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn refused(socket: u64) -> u32 {
    if let Some(flow) = flow::of(socket) {
        let ns = flow::now().wrapping_sub(flow.asked_ns);
        let errno: u32 = fields::read(socket, |fields| fields.error).unwrap_or(0);
        rows::timed(flow.class, item::CONNECT, ns, End::failed(errno));
        flow::change(flow, |edge| edge::add(&mut edge.failed, 1));
        let _absent = FLOWS.remove(socket);
    }
    0
}

/// One that was asked for by somebody else was made.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn accepted(socket: u64) -> u32 {
    let class = class::of_socket(socket);
    if class == UNOBSERVED {
        return 0;
    }
    flow::keep(socket, class, 0, role::SERVER);
    if let Some(flow) = flow::of(socket) {
        rows::counted(flow.class, item::ACCEPT, End::returned(0));
        flow::change(flow, |edge| edge::add(&mut edge.opened, 1));
    }
    0
}

/// Perhaps it has carried something.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn moved(socket: u64) -> u32 {
    if let Some(flow) = flow::of(socket) {
        if flow.class != UNOBSERVED {
            flow::count(socket, flow);
        }
        return 0;
    }
    // It is older than whoever observes. Kept although nobody does, too: the next segment is soon told.
    let class = class::of_socket(socket);
    flow::keep(socket, class, 0, flow::likely_role(socket));
    if let Some(flow) = flow::of(socket) {
        flow::skip(socket, flow);
    }
    0
}

/// It is over.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn ended(socket: u64) -> u32 {
    if let Some(flow) = flow::of(socket) {
        if flow.class != UNOBSERVED {
            flow::count(socket, flow);
            flow::change(flow, |edge| edge::add(&mut edge.closed, 1));
        }
        let _absent = FLOWS.remove(socket);
    }
    0
}
