//! What a packet says: addresses, ports, protocol.

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::generated::bpf_skb_load_bytes;
use aya_ebpf::programs::TcContext;
use injector_abi::net::MAX_SEGMENTS;

/// The addresses are IPv6, IPv4 as mapped (RFC 4291, 2.5.5.2); ports are 0 where there are none.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub source: [u8; 16],
    pub destination: [u8; 16],
    pub source_port: u16,
    pub destination_port: u16,
    /// As in the IP header, after extension headers.
    pub protocol: u8,
    /// First byte after the IP header: the type of an ICMP message.
    pub first_byte: u8,
}

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP: u8 = 1;
pub const ICMP6: u8 = 58;

/// Reads the packet whose IP header is `offset` bytes in; nothing for anything but IP.
#[inline(always)]
pub fn parse(ctx: &TcContext, offset: usize) -> Option<Packet> {
    match u16::from_be(protocol_of(ctx)) {
        0x0800 => parse_v4(ctx, offset),
        0x86DD => parse_v6(ctx, offset),
        _ => None,
    }
}

#[inline(always)]
fn protocol_of(ctx: &TcContext) -> u16 {
    // SAFETY: the context is valid for the run of the program.
    let protocol = unsafe { (*ctx.skb.skb).protocol };
    protocol as u16
}

#[inline(always)]
fn parse_v4(ctx: &TcContext, offset: usize) -> Option<Packet> {
    let header: [u8; 20] = ctx.load(offset).ok()?;
    let mut packet = Packet {
        source: mapped(&header, 12),
        destination: mapped(&header, 16),
        source_port: 0,
        destination_port: 0,
        protocol: header[9],
        first_byte: 0,
    };
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1FFF;
    if fragment == 0 {
        add_ports(ctx, offset + usize::from(header[0] & 0xF) * 4, &mut packet);
    }
    Some(packet)
}

#[inline(always)]
fn parse_v6(ctx: &TcContext, offset: usize) -> Option<Packet> {
    let header: [u8; 40] = ctx.load(offset).ok()?;
    let transport = transport(ctx.skb.skb, offset as u32 + 40, u32::from(header[6]));
    let mut packet = Packet {
        source: half(&header, 8),
        destination: half(&header, 24),
        source_port: 0,
        destination_port: 0,
        protocol: transport as u8,
        first_byte: 0,
    };
    let at = transport >> 32;
    if at != 0 {
        add_ports(ctx, at as usize, &mut packet);
    }
    Some(packet)
}

/// Extension headers that are walked over; a packet with more has no ports for us.
const EXTENSIONS: usize = 4;

/// The protocol after the extension headers in the low half, its offset in the high half: 0 in a
/// fragment that is not the first. A function of its own, so that the verifier checks it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn transport(skb: *mut __sk_buff, at: u32, next: u32) -> u64 {
    let (mut at, mut next) = (at, next as u8);
    for _ in 0..EXTENSIONS {
        if !matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION) {
            break;
        }
        let mut header = [0_u8; 4];
        // SAFETY: the destination is four bytes of this stack; a short packet is an error.
        let failed = unsafe { bpf_skb_load_bytes(skb.cast(), at, header.as_mut_ptr().cast(), 4) };
        if failed != 0 {
            return u64::from(next);
        }
        if next == FRAGMENT && u16::from_be_bytes([header[2], header[3]]) & 0xFFF8 != 0 {
            return u64::from(header[0]);
        }
        // Lengths are in units of 8 bytes beyond the first; a fragment header has none.
        at += if next == FRAGMENT {
            8
        } else {
            8 + u32::from(header[1]) * 8
        };
        next = header[0];
    }
    u64::from(at) << 32 | u64::from(next)
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

#[inline(always)]
fn add_ports(ctx: &TcContext, at: usize, packet: &mut Packet) {
    let Ok([a, b, c, d]) = ctx.load::<[u8; 4]>(at) else {
        return;
    };
    packet.first_byte = a;
    if packet.protocol == TCP || packet.protocol == UDP {
        packet.source_port = u16::from_be_bytes([a, b]);
        packet.destination_port = u16::from_be_bytes([c, d]);
    }
}

/// The IPv4 address at `at`, mapped.
#[inline(always)]
fn mapped(header: &[u8; 20], at: usize) -> [u8; 16] {
    [
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0xFF,
        0xFF,
        header[at],
        header[at + 1],
        header[at + 2],
        header[at + 3],
    ]
}

#[inline(always)]
fn half(header: &[u8; 40], at: usize) -> [u8; 16] {
    let mut address = [0; 16];
    address.copy_from_slice(&header[at..at + 16]);
    address
}

/// Segments that the aggregate will be cut into, at most as many as there are thresholds for.
#[inline(always)]
pub fn segments(ctx: &TcContext) -> u32 {
    // SAFETY: the context is valid for the run of the program.
    let segments = unsafe { (*ctx.skb.skb).gso_segs };
    segments.clamp(1, MAX_SEGMENTS)
}

/// The packet's mark.
#[inline(always)]
pub fn mark(ctx: &TcContext) -> u32 {
    // SAFETY: the context is valid for the run of the program.
    unsafe { (*ctx.skb.skb).mark }
}

/// Changes the packet's mark; only in programs at an interface.
#[inline(always)]
pub fn set_mark(ctx: &TcContext, mark: u32) {
    // SAFETY: the context is valid for the run of the program, and the field is writable in tc.
    unsafe { (*ctx.skb.skb).mark = mark };
}
