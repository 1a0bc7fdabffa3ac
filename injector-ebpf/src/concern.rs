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

/// What is to be known of a packet's way.
#[derive(Clone, Copy, Debug)]
struct Passage {
    leaving: bool,
    /// Where the packet's mark can be changed.
    markable: bool,
}

/// The slots of the faults that a packet concerns and that have not had their turn.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn concerned(skb: *mut __sk_buff, leaving: u32, markable: u32) -> u64 {
    let ctx = TcContext {
        skb: SkBuff { skb },
    };
    let passage = Passage {
        leaving: leaving != 0,
        markable: markable != 0,
    };
    slots(&ctx, passage).unwrap_or(0)
}

#[inline(always)]
fn slots(ctx: &TcContext, passage: Passage) -> Option<u64> {
    let armed = ARMED.get(patched::hook())?;
    let select = SELECT.get(0)?;
    let mut mask = armed.slots & still_to_come(ctx, select, passage);
    if mask == 0 {
        return None;
    }
    let packet = parse(ctx)?;
    let peer = if passage.leaving {
        End::Destination
    } else {
        End::Source
    };
    mask &= by_protocol(select, packet.protocol);
    mask = select::by_ports(select, mask, packet.source_port, packet.destination_port);
    if mask != 0 {
        mask = select::by_peer(select, mask, || packet.address(ctx, peer));
    }
    if mask != 0 {
        mask = select::by_cgroup(ctx, select, mask);
    }
    if mask != 0 {
        mask = by_connection(ctx, select, mask, &packet, peer);
    }
    if mask & !select.lockout != 0 && keeps_caller_in(ctx, armed, &packet, peer) {
        mask &= select.lockout;
    }
    Some(mask)
}

/// The faults that have not had their turn: all of them, unless we put the packet back on its way.
#[inline(always)]
fn still_to_come(ctx: &TcContext, select: &Select, passage: Passage) -> u64 {
    let mark = mark(ctx);
    if !passage.markable || mark & RESUMED_MASK != RESUMED {
        return !0;
    }
    // On the loopback a packet that was arriving has to leave again first.
    if (mark & RESUMED_ARRIVING == 0) != passage.leaving {
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
