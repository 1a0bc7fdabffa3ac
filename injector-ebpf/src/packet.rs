//! What a packet says: addresses, ports, protocol.

use aya_ebpf::programs::TcContext;

use crate::headers;
use crate::patched;
use crate::skb::{in_place, words};

/// What faults are chosen by before addresses; ports are 0 where there are none.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub source_port: u16,
    pub destination_port: u16,
    /// As in the IP header, after extension headers.
    pub protocol: u8,
    /// First byte after the IP header: the type of an ICMP message.
    pub first_byte: u8,
    pub is_v4: bool,
    /// Where the IP header is.
    pub offset: usize,
    /// Where what it carries begins; 0 in a fragment that is not the first.
    pub transport: u32,
}

/// One end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Source,
    Destination,
}

impl End {
    #[inline(always)]
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }
}

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP: u8 = 1;
pub const ICMP6: u8 = 58;

/// Reads the packet; nothing for anything but IP.
#[inline(always)]
pub fn parse(ctx: &TcContext) -> Option<Packet> {
    let offset = patched::link_header() as usize;
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
    let (protocol, first, transport) = match plain {
        Some((protocol, first)) => (protocol, first, (offset + plain_length(is_v4)) as u32),
        None => headers::walked(ctx.skb.skb, offset as u32, is_v4)?,
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
        transport,
    })
}

/// An IP header without options or extensions.
const fn plain_length(is_v4: bool) -> usize {
    if is_v4 { 20 } else { 40 }
}

impl Packet {
    /// Whether its IP header is of the usual length, and the packet the first fragment at least.
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        self.transport as usize == self.offset + plain_length(self.is_v4)
    }

    /// Whether it tells of another packet that did not pass (RFC 792, RFC 4443 2.1).
    #[inline(always)]
    pub fn is_icmp_error(&self) -> bool {
        match self.protocol {
            ICMP => matches!(self.first_byte, 3 | 11 | 12),
            ICMP6 => self.first_byte < 128,
            _ => false,
        }
    }

    /// Whether it is for more than one receiver, so that nobody may answer it with an error (RFC 1122,
    /// 3.2.2; RFC 4443, 2.4).
    #[inline(always)]
    pub fn is_to_many(&self, ctx: &TcContext) -> bool {
        let address = self.address(ctx, End::Destination);
        if self.is_v4 {
            address[12] >= 224
        } else {
            address[0] == 0xFF
        }
    }

    /// The flags of a TCP segment, 0 of anything else.
    #[inline(always)]
    pub fn tcp_flags(&self, ctx: &TcContext) -> u8 {
        if self.protocol == TCP && self.transport != 0 {
            ctx.load(self.transport as usize + 13).unwrap_or(0)
        } else {
            0
        }
    }

    /// Where the packet ends by its own account; what follows pads a short frame. An aggregate too
    /// long to say so ends where its bytes do.
    #[inline(always)]
    pub fn end(&self, ctx: &TcContext) -> u32 {
        let (at, header) = if self.is_v4 { (2, 0) } else { (4, 40) };
        let length: [u8; 2] = ctx.load(self.offset + at).unwrap_or_default();
        match u32::from(u16::from_be_bytes(length)) {
            0 => ctx.len(),
            length => (self.offset as u32 + header + length).min(ctx.len()),
        }
    }

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
        let words = if self.is_v4 {
            let [address] = words(ctx, self.offset + 12 + second * 4);
            [0, 0, 0xFFFF_u32.to_be(), address]
        } else {
            words::<4>(ctx, self.offset + 8 + second * 16)
        };
        // SAFETY: both are sixteen bytes.
        unsafe { core::mem::transmute::<[u32; 4], [u8; 16]>(words) }
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
    let is_plain = header[0] == 0x45 && [header[6] & 0x1F, header[7]] == [0, 0];
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
