//! Which faults a packet concerns, and what it has behind it already.

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::programs::TcContext;
use aya_ebpf::programs::sk_buff::SkBuff;
use injector_abi::Select;
use injector_abi::net::{Connection, RESUMED, RESUMED_ARRIVING, RESUMED_MASK, stage};

use crate::lockout::keeps_caller_in;
use crate::maps::{ARMED, CONNECTIONS, SELECT};
use crate::packet::{End, ICMP, ICMP6, Packet, TCP, UDP, parse};
use crate::patched;
use crate::select;
use crate::skb::{mark, set_mark};

/// The slots of the faults that a packet concerns, whosever it is, and that have not had their turn.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn concerned(skb: *mut __sk_buff, leaving: u32) -> u64 {
    let ctx = TcContext {
        skb: SkBuff { skb },
    };
    slots(&ctx, leaving != 0).unwrap_or(0)
}

#[inline(always)]
fn slots(ctx: &TcContext, leaving: bool) -> Option<u64> {
    let armed = ARMED.get(patched::hook())?;
    let select = SELECT.get(0)?;
    let mut mask = armed.slots;
    if is_resumed(ctx) {
        mask &= still_to_come(ctx, select, leaving);
    }
    if mask == 0 {
        return None;
    }
    let packet = parse(ctx)?;
    let peer = if leaving {
        End::Destination
    } else {
        End::Source
    };
    mask &= by_protocol(select, packet.protocol);
    mask = select::by_ports(select, mask, packet.source_port, packet.destination_port);
    if mask != 0 {
        mask = select::by_peer(select, mask, || packet.address(ctx, peer));
    }
    if patched::thorough() == 0 {
        mask &= !select.thorough;
    } else if mask != 0 {
        mask = by_connection(ctx, select, mask, &packet, peer);
    }
    if mask & !select.lockout != 0 && keeps_caller_in(ctx, armed, &packet, peer) {
        mask &= select.lockout;
    }
    Some(mask)
}

/// Whether we have put the packet back on its way.
#[inline(always)]
#[must_use]
pub fn is_resumed(ctx: &TcContext) -> bool {
    mark(ctx) & RESUMED_MASK == RESUMED
}

/// The faults that a packet which we put back on its way has not had yet.
#[inline(always)]
fn still_to_come(ctx: &TcContext, select: &Select, leaving: bool) -> u64 {
    let mark = mark(ctx);
    // On the loopback a packet that was arriving has to leave again first.
    if (mark & RESUMED_ARRIVING == 0) != leaving {
        return 0;
    }
    set_mark(ctx, 0);
    let later = !1 << (mark & 63);
    match mark >> 6 & 3 {
        stage::CORRUPT => {
            select.corrupt_line & later | select.duplicate | select.rate | select.delay
        }
        stage::DUPLICATE => select.duplicate & later | select.rate | select.delay,
        stage::RATE => select.rate & later | select.delay,
        _ => select.delay & later,
    }
}

#[inline(always)]
fn by_protocol(select: &Select, protocol: u8) -> u64 {
    match protocol {
        TCP => select.tcp,
        UDP => select.udp,
        ICMP | ICMP6 => select.icmp,
        _ => select.other,
    }
}

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Keeps the slots of `mask` that act on any connection, or on this packet's; and leaves answers, such
/// as we may have given ourselves, to their receivers.
#[inline(always)]
fn by_connection(ctx: &TcContext, select: &Select, mask: u64, packet: &Packet, peer: End) -> u64 {
    let restricted = mask & !select.any_connection;
    if restricted | mask & select.answering == 0 {
        return mask;
    }
    let flags = packet.tcp_flags(ctx);
    let mut keep = mask & select.any_connection;
    if restricted != 0 {
        keep |= restricted & of_connection(ctx, packet, peer);
        if flags & (SYN | ACK) == SYN {
            keep |= restricted & select.opening;
        }
    }
    if flags & RST != 0 || packet.is_icmp_error() {
        keep &= !select.answering;
    }
    keep
}

/// The slots that name the connection of this packet.
#[inline(always)]
fn of_connection(ctx: &TcContext, packet: &Packet, peer: End) -> u64 {
    if packet.protocol != TCP {
        return 0;
    }
    let (peer_port, local_port) = packet.ports_from(peer);
    let key = Connection {
        local: packet.address(ctx, peer.other()),
        peer: packet.address(ctx, peer),
        hook: patched::hook(),
        local_port,
        peer_port,
    };
    // SAFETY: the value is one word, read once.
    unsafe { CONNECTIONS.get(key) }.copied().unwrap_or(0)
}
