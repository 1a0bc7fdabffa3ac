//! What a packet says: addresses, ports, protocol.

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::generated::bpf_skb_load_bytes;
use aya_ebpf::programs::TcContext;
use injector_abi::net::MAX_SEGMENTS;

/// What faults are chosen by before addresses; ports are 0 where there are none.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub source_port: u16,
    pub destination_port: u16,
    /// As in the IP header, after extension headers.
    pub protocol: u8,
    /// First byte after the IP header: the type of an ICMP message.
    pub first_byte: u8,
    is_v4: bool,
    /// Where the IP header is.
    offset: usize,
}

/// One end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Source,
    Destination,
}

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP: u8 = 1;
pub const ICMP6: u8 = 58;

/// Reads the packet whose IP header is `offset` bytes in; nothing for anything but IP.
#[inline(always)]
pub fn parse(ctx: &TcContext, offset: usize) -> Option<Packet> {
    let is_v4 = match u16::from_be(protocol_of(ctx)) {
        0x0800 => true,
        0x86DD => false,
        _ => return None,
    };
    let plain = if is_v4 {
        plain_v4(ctx, offset)
    } else {
        plain_v6(ctx, offset)
    };
    let (protocol, first) = match plain {
        Some(found) => found,
        None => unpack(walk(ctx.skb.skb, offset as u32, u32::from(is_v4)))?,
    };
    let [a, b, c, d] = first;
    let ports = if protocol == TCP || protocol == UDP {
        [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
    } else {
        [0, 0]
    };
    Some(Packet {
        source_port: ports[0],
        destination_port: ports[1],
        protocol,
        first_byte: a,
        is_v4,
        offset,
    })
}

impl Packet {
    /// The port at this end and the one at the other.
    #[inline(always)]
    pub fn ports_from(&self, end: End) -> (u16, u16) {
        match end {
            End::Source => (self.source_port, self.destination_port),
            End::Destination => (self.destination_port, self.source_port),
        }
    }

    /// An address, IPv4 as mapped (RFC 4291, 2.5.5.2); zero where the packet is too short.
    #[inline(always)]
    pub fn address(&self, ctx: &TcContext, end: End) -> [u8; 16] {
        let second = usize::from(end == End::Destination);
        let mut address = [0; 16];
        if self.is_v4 {
            let at = self.offset + 12 + second * 4;
            let [a, b, c, d] = ctx.load::<[u8; 4]>(at).unwrap_or_default();
            address[10..].copy_from_slice(&[0xFF, 0xFF, a, b, c, d]);
        } else {
            let at = self.offset + 8 + second * 16;
            address = ctx.load(at).unwrap_or_default();
        }
        address
    }
}

#[inline(always)]
fn protocol_of(ctx: &TcContext) -> u16 {
    // SAFETY: the context is valid for the run of the program.
    let protocol = unsafe { (*ctx.skb.skb).protocol };
    protocol as u16
}

/// Protocol and the first bytes after an IPv4 header without options, of a packet that is no later
/// fragment: nearly every packet, read where it lies.
#[inline(always)]
fn plain_v4(ctx: &TcContext, offset: usize) -> Option<(u8, [u8; 4])> {
    let header: *const [u8; 24] = in_place(ctx, offset)?;
    // SAFETY: the bytes are inside the packet.
    let header = unsafe { &*header };
    let is_plain = header[0] == 0x45 && header[6] & 0x1F == 0 && header[7] == 0;
    is_plain.then(|| (header[9], [header[20], header[21], header[22], header[23]]))
}

/// The same for an IPv6 header that nothing but TCP, UDP or ICMP follows.
#[inline(always)]
fn plain_v6(ctx: &TcContext, offset: usize) -> Option<(u8, [u8; 4])> {
    let header: *const [u8; 44] = in_place(ctx, offset)?;
    // SAFETY: the bytes are inside the packet.
    let header = unsafe { &*header };
    let is_plain = matches!(header[6], TCP | UDP | ICMP6);
    is_plain.then(|| (header[6], [header[40], header[41], header[42], header[43]]))
}

/// Bytes of the packet that lie in its first piece.
#[inline(always)]
fn in_place<T>(ctx: &TcContext, offset: usize) -> Option<*const T> {
    let start = ctx.data() + offset;
    (start + size_of::<T>() <= ctx.data_end()).then_some(start as *const T)
}

/// What [`walk`] found: protocol in the low byte, then whether it found anything, and in the high half
/// the first bytes after the headers.
#[inline(always)]
fn unpack(found: u64) -> Option<(u8, [u8; 4])> {
    let first = ((found >> 32) as u32).to_ne_bytes();
    (found & FOUND != 0).then_some((found as u8, first))
}

const FOUND: u64 = 1 << 8;

/// The headers of a packet that is not plain, or not in one piece. A function of its own, like
/// [`transport`], so that the verifier checks it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk(skb: *mut __sk_buff, offset: u32, is_v4: u32) -> u64 {
    let (at, protocol) = if is_v4 != 0 {
        let mut header = [0_u8; 20];
        if !load(skb, offset, &mut header) {
            return 0;
        }
        let is_later_fragment = header[6] & 0x1F != 0 || header[7] != 0;
        let end = offset + u32::from(header[0] & 0xF) * 4;
        (if is_later_fragment { 0 } else { end }, header[9])
    } else {
        let mut header = [0_u8; 8];
        if !load(skb, offset, &mut header) {
            return 0;
        }
        let found = transport(skb, offset + 40, u32::from(header[6]));
        ((found >> 32) as u32, found as u8)
    };
    let mut first = [0_u8; 4];
    if at != 0 && !load(skb, at, &mut first) {
        first = [0; 4];
    }
    u64::from(u32::from_ne_bytes(first)) << 32 | FOUND | u64::from(protocol)
}

/// Extension headers that are walked over; a packet with more has no ports for us.
const EXTENSIONS: usize = 4;

/// The protocol after the extension headers in the low half, its offset in the high half: 0 in a
/// fragment that is not the first.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn transport(skb: *mut __sk_buff, at: u32, next: u32) -> u64 {
    let (mut at, mut next) = (at, next as u8);
    for _ in 0..EXTENSIONS {
        if !matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION) {
            break;
        }
        let mut header = [0_u8; 4];
        if !load(skb, at, &mut header) {
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

/// Fills `bytes` from `at` on; false if the packet is shorter.
#[inline(always)]
fn load<const N: usize>(skb: *mut __sk_buff, at: u32, bytes: &mut [u8; N]) -> bool {
    // SAFETY: the destination is as long as it says.
    let failed = unsafe { bpf_skb_load_bytes(skb.cast(), at, bytes.as_mut_ptr().cast(), N as u32) };
    failed == 0
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
