//! Packets that keep the caller and the host's own services in.

use aya_ebpf::programs::TcContext;
use injector_abi::Armed;
use injector_abi::net::Exempt;

use crate::maps::EXEMPT;
use crate::packet::{End, ICMP6, Packet, UDP};
use crate::patched;

/// Neighbour discovery, DHCP, and the connections that user space listed.
#[inline(always)]
pub fn keeps_caller_in(ctx: &TcContext, armed: &Armed, packet: &Packet, peer: End) -> bool {
    let (peer_port, local_port) = packet.ports_from(peer);
    match packet.protocol {
        // Router and neighbour solicitation, advertisement, redirect (RFC 4861, 4).
        ICMP6 => return matches!(packet.first_byte, 133..=137),
        // BOOTP and DHCPv6 servers and clients.
        UDP if matches!(local_port, 67 | 68 | 546 | 547) => return true,
        _ => {}
    }
    if armed.exempt == 0 {
        return false;
    }
    let mut key = Exempt {
        peer: [0; 16],
        hook: patched::hook(),
        protocol: u16::from(packet.protocol),
        local_port,
        peer_port: 0,
        reserved: 0,
    };
    // SAFETY: only the entry's presence is looked at.
    if unsafe { EXEMPT.get(key) }.is_some() {
        return true;
    }
    key.peer = packet.address(ctx, peer);
    key.peer_port = peer_port;
    // SAFETY: as above.
    unsafe { EXEMPT.get(key) }.is_some()
}
