//! What a sender hears of a packet that does not pass: a TCP reset, or that it is prohibited.
//!
//! The packet itself is turned into the answer and sent back the way it came from. What cannot be
//! answered (options, fragments, other protocols for a reset) vanishes silently.

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::generated::{bpf_skb_adjust_room, bpf_skb_change_tail};
use aya_ebpf::programs::TcContext;
use aya_ebpf::programs::sk_buff::SkBuff;
use injector_abi::net::answer;

use crate::checksum::{folded, sum, sum_at};
use crate::packet::{ICMP, ICMP6, TCP, parse};
use crate::patched;
use crate::skb::{load, store};

/// Turns the packet into what its sender is to hear; 0 if that cannot be.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn turn(skb: *mut __sk_buff, how: u32) -> u64 {
    let ctx = TcContext {
        skb: SkBuff { skb },
    };
    let Some(packet) = parse(&ctx) else {
        return 0;
    };
    let v4 = u32::from(packet.is_v4);
    if !packet.is_plain() || packet.is_to_many(&ctx) {
        0
    } else if how == answer::REJECT {
        reject(skb, v4, u32::from(packet.protocol == TCP))
    } else if packet.protocol == TCP {
        reset(skb, v4, packet.end(&ctx))
    } else {
        0
    }
}

const SYN_OR_FIN: u8 = 3;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const TTL: u8 = 64;

/// Turns a TCP segment into the reset that RFC 9293, 3.5.2 wants for one that belongs to no connection.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn reset(skb: *mut __sk_buff, v4: u32, end: u32) -> u64 {
    let offset = patched::link_header();
    let ip = length_of_ip(v4);
    let mut old = [0_u8; 20];
    if !load(skb, offset + ip, &mut old) {
        return 0;
    }
    let mut tcp = [0_u8; 20];
    tcp[..2].copy_from_slice(&old[2..4]);
    tcp[2..4].copy_from_slice(&old[..2]);
    if old[13] & ACK == 0 {
        let carried = end - offset - ip - u32::from(old[12] >> 4) * 4;
        let flags = old[13] & SYN_OR_FIN;
        let length = carried + u32::from(flags & 1) + u32::from(flags & SYN != 0);
        let sequence = u32::from_be_bytes([old[4], old[5], old[6], old[7]]);
        tcp[8..12].copy_from_slice(&sequence.wrapping_add(length).to_be_bytes());
        tcp[13] = RST | ACK;
    } else {
        tcp[4..8].copy_from_slice(&old[8..12]);
        tcp[13] = RST;
    }
    tcp[12] = 5 << 4;
    // SAFETY: the context is the program's own.
    if unsafe { bpf_skb_change_tail(skb, offset + ip + 20, 0) } != 0 {
        return 0;
    }
    let Some(pseudo) = turn_round(skb, offset, v4, TCP, 20) else {
        return 0;
    };
    let checksum = folded(pseudo + sum(&tcp));
    tcp[16..18].copy_from_slice(&checksum.to_be_bytes());
    u64::from(store(skb, offset + ip, &tcp))
}

/// Turns any packet into the ICMP error that says it is administratively prohibited (RFC 1812,
/// 5.2.7.1; RFC 4443, 3.1).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn reject(skb: *mut __sk_buff, v4: u32, is_tcp: u32) -> u64 {
    let offset = patched::link_header();
    let (kind, protocol) = if v4 != 0 {
        ([3, 13], ICMP)
    } else {
        ([1, 1], ICMP6)
    };
    let ip = length_of_ip(v4);
    // The header and eight bytes more are quoted; of TCP twenty, as a checksum that is not completed
    // yet cannot be cut off.
    let quoted = ip + if is_tcp != 0 { 20 } else { 8 };
    let room = ip + 8;
    // SAFETY: the context is the program's own.
    if unsafe { bpf_skb_change_tail(skb, offset + quoted, 0) } != 0 {
        return 0;
    }
    // SAFETY: as above; mode 1 makes room behind the link layer's header.
    if unsafe { bpf_skb_adjust_room(skb, room as i32, 1, 0) } != 0 {
        return 0;
    }
    let Some(pseudo) = turn_round(skb, offset + room, v4, protocol, quoted + 8) else {
        return 0;
    };
    let mut icmp = [kind[0], kind[1], 0, 0, 0, 0, 0, 0];
    let pseudo = if v4 != 0 { 0 } else { pseudo };
    let checksum = folded(pseudo + sum(&icmp) + sum_at(skb, offset + room, quoted));
    icmp[2..4].copy_from_slice(&checksum.to_be_bytes());
    u64::from(store(skb, offset + ip, &icmp))
}

/// Without options.
#[inline(always)]
fn length_of_ip(v4: u32) -> u32 {
    if v4 != 0 { 20 } else { 40 }
}

/// Addresses the packet to the sender of the one whose IP header is at `original`, with `length` bytes
/// of `protocol`; the sum of the pseudo-header.
#[inline(always)]
fn turn_round(
    skb: *mut __sk_buff,
    original: u32,
    v4: u32,
    protocol: u8,
    length: u32,
) -> Option<u32> {
    let offset = patched::link_header();
    if offset != 0 {
        let mut link = [0_u8; 12];
        let mut turned = [0_u8; 12];
        if !load(skb, 0, &mut link) {
            return None;
        }
        turned[..6].copy_from_slice(&link[6..]);
        turned[6..].copy_from_slice(&link[..6]);
        if !store(skb, 0, &turned) {
            return None;
        }
    }
    let words = u32::from(protocol) + length;
    if v4 != 0 {
        let mut old = [0_u8; 20];
        if !load(skb, original, &mut old) {
            return None;
        }
        let total = (length as u16 + 20).to_be_bytes();
        let mut ip = [
            0x45, 0, total[0], total[1], 0, 0, 0x40, 0, TTL, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        ip[12..16].copy_from_slice(&old[16..20]);
        ip[16..20].copy_from_slice(&old[12..16]);
        let checksum = folded(sum(&ip));
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        store(skb, offset, &ip).then(|| {
            sum(&[
                ip[12], ip[13], ip[14], ip[15], ip[16], ip[17], ip[18], ip[19],
            ]) + words
        })
    } else {
        let mut old = [0_u8; 32];
        if !load(skb, original + 8, &mut old) {
            return None;
        }
        let payload = (length as u16).to_be_bytes();
        let head = [0x60, 0, 0, 0, payload[0], payload[1], protocol, TTL];
        let mut ends = [0_u8; 32];
        ends[..16].copy_from_slice(&old[16..]);
        ends[16..].copy_from_slice(&old[..16]);
        let stored = store(skb, offset, &head) && store(skb, offset + 8, &ends);
        stored.then(|| sum(&ends) + words)
    }
}
