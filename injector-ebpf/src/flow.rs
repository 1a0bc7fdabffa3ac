//! A packet's way: which socket here it is for, if it is for one.

use aya_ebpf::bindings::{
    __sk_buff, BPF_FIB_LKUP_RET_FRAG_NEEDED, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_SUCCESS,
    BPF_FIB_LKUP_RET_UNSUPP_LWT, bpf_fib_lookup, bpf_sock,
};
use aya_ebpf::helpers::generated::{
    bpf_fib_lookup, bpf_sk_lookup_tcp, bpf_sk_lookup_udp, bpf_skb_load_bytes,
};

use crate::packet::{Packet, TCP, UDP};

/// Source and destination, and both ports, as the kernel wants them for a look-up.
#[repr(C)]
pub(crate) struct Flow<const N: usize> {
    addresses: [u8; N],
    ports: [u8; 4],
}

impl<const N: usize> Flow<N> {
    /// Reads it from a packet, turned round if that is asked for; nothing of a packet to many, or without
    /// ports.
    #[inline(always)]
    pub(crate) fn read(skb: *mut __sk_buff, packet: &Packet, turned: bool) -> Option<Self> {
        let (one, other) = (packet.source_port, packet.destination_port);
        let (from, to) = if turned { (other, one) } else { (one, other) };
        let mut flow = Self {
            addresses: [0; N],
            ports: (u32::from(from) << 16 | u32::from(to)).to_be_bytes(),
        };
        let at = packet.offset as u32 + if N == 8 { 12 } else { 8 };
        let bytes = flow.addresses.as_mut_ptr().cast();
        // SAFETY: the destination is as long as it says.
        let failed = unsafe { bpf_skb_load_bytes(skb.cast(), at, bytes, N as u32) };
        if failed != 0 || (from, to) == (0, 0) {
            return None;
        }
        if turned {
            let (source, destination) = flow.addresses.split_at_mut(N / 2);
            source.swap_with_slice(destination);
        }
        (!flow.is_multicast()).then_some(flow)
    }

    /// Multicast, and the one broadcast address that is not told by the link layer's.
    #[inline(always)]
    fn is_multicast(&self) -> bool {
        let first = self.addresses[N / 2];
        if N == 8 { first >= 224 } else { first == 0xFF }
    }

    /// The socket that the packet is for, held: of a connection being made, the one that listens.
    #[inline(always)]
    pub(crate) fn socket(&mut self, skb: *mut __sk_buff, protocol: u8) -> Option<*mut bpf_sock> {
        let (skb, flow, size) = (
            skb.cast(),
            (&raw mut *self).cast(),
            size_of::<Self>() as u32,
        );
        let found = match protocol {
            // SAFETY: the flow is as long as it says.
            TCP => unsafe { bpf_sk_lookup_tcp(skb, flow, size, OWN_NAMESPACE, 0) },
            // SAFETY: as above.
            UDP => unsafe { bpf_sk_lookup_udp(skb, flow, size, OWN_NAMESPACE, 0) },
            _ => return None,
        };
        (!found.is_null()).then_some(found)
    }

    /// Whether the host would send the packet on: then it is for no socket here, though one that listens
    /// at every address has been found for it.
    #[inline(always)]
    pub(crate) fn is_forwarded(&self, skb: *mut __sk_buff) -> bool {
        let mut route = Route {
            family: if N == 8 { AF_INET } else { AF_INET6 },
            transport: [0; 7],
            // SAFETY: the context is the program's own.
            ifindex: unsafe { (*skb).ifindex },
            flow: 0,
            source: [0; 16],
            destination: [0; 16],
            rest: [0; 4],
        };
        let (source, destination) = self.addresses.split_at(N / 2);
        route.source[..N / 2].copy_from_slice(source);
        route.destination[..N / 2].copy_from_slice(destination);
        let (parameters, size) = ((&raw mut route).cast(), size_of::<Route>() as i32);
        // SAFETY: the parameters are as long as they say.
        let found = unsafe { bpf_fib_lookup(skb.cast(), parameters, size, 0) };
        u32::try_from(found).is_ok_and(|found| SENT_ON.contains(&found))
    }
}

/// The kernel's `bpf_fib_lookup`, whose unions have names in our type information that it refuses.
#[repr(C)]
struct Route {
    family: u8,
    /// Not looked at where no port has a route of its own.
    transport: [u8; 7],
    ifindex: u32,
    flow: u32,
    source: [u8; 16],
    destination: [u8; 16],
    rest: [u32; 4],
}

const _: () = assert!(size_of::<Route>() == size_of::<bpf_fib_lookup>());

const OWN_NAMESPACE: u64 = u64::MAX;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const SENT_ON: [u32; 4] = [
    BPF_FIB_LKUP_RET_SUCCESS,
    BPF_FIB_LKUP_RET_UNSUPP_LWT,
    BPF_FIB_LKUP_RET_NO_NEIGH,
    BPF_FIB_LKUP_RET_FRAG_NEEDED,
];

/// Whether it is bound to no address, and so was found for any.
#[inline(always)]
pub(crate) fn listens_anywhere<const N: usize>(socket: *mut bpf_sock) -> bool {
    if N == 8 {
        // SAFETY: the socket is held.
        return unsafe { (*socket).src_ip4 } == 0;
    }
    // SAFETY: as above.
    let words = unsafe { &raw const (*socket).src_ip6 }.cast::<u32>();
    // SAFETY: the field is four words, each read whole.
    (0..4).all(|word| unsafe { words.wrapping_add(word).read_volatile() } == 0)
}
