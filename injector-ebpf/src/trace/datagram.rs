//! UDP packets as they pass a cgroup: whose they are, and to or from whom.

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::generated::{bpf_skb_ancestor_cgroup_id, bpf_skb_cgroup_id};
use injector_abi::trace::{UNOBSERVED, protocol};

use super::class;
use super::edge;
use super::maps::WATCH;
use crate::headers;
use crate::select::{Slots, only};
use crate::skb::load;

/// Which way a packet goes, seen from its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Out,
    In,
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    pub class: u32,
    pub peer: [u8; 16],
    pub own_port: u16,
    pub peer_port: u16,
    /// Where what it carries begins.
    pub payload: u32,
    /// How much that is.
    pub length: u32,
}

const IPV4: u8 = 4;
const UDP_HEADER: u32 = 8;
/// Bytes of the shortest IP header.
const SHORTEST: usize = 20;

/// The packet, if it is one of UDP and its socket's cgroup is observed.
#[inline(always)]
#[must_use]
pub fn of(skb: *mut __sk_buff, way: Way) -> Option<Datagram> {
    let mut version = [0_u8; 1];
    if is_other(skb) || !load(skb, 0, &mut version) {
        return None;
    }
    let is_v4 = version[0] >> 4 == IPV4;
    let (protocol, _ports, at) = headers::walked(skb, 0, is_v4)?;
    let mut header = [0_u8; UDP_HEADER as usize];
    if protocol != protocol::UDP || at == 0 || !load(skb, at, &mut header) {
        return None;
    }
    let class = class_of(skb);
    if class == UNOBSERVED {
        return None;
    }
    let word = |first: usize| u16::from_be_bytes([header[first], header[first + 1]]);
    let (from, to) = (word(0), word(2));
    let (own_port, peer_port) = match way {
        Way::Out => (from, to),
        Way::In => (to, from),
    };
    Some(Datagram {
        class,
        peer: peer(skb, is_v4, way)?,
        own_port,
        peer_port,
        payload: at + UDP_HEADER,
        length: u32::from(word(4)).saturating_sub(UDP_HEADER),
    })
}

/// Whether it is none of UDP by what can be read at once: most packets are of TCP, and pass here, too.
#[inline(always)]
fn is_other(skb: *mut __sk_buff) -> bool {
    // SAFETY: the context is the program's own.
    let start = unsafe { (*skb).data } as usize;
    // SAFETY: as above.
    let end = unsafe { (*skb).data_end } as usize;
    if start + SHORTEST > end {
        return false;
    }
    // SAFETY: so many bytes are there.
    let header = unsafe { &*(start as *const [u8; SHORTEST]) };
    if header[0] >> 4 == IPV4 {
        header[9] != protocol::UDP
    } else {
        header[6] == protocol::TCP
    }
}

#[inline(always)]
fn peer(skb: *mut __sk_buff, is_v4: bool, way: Way) -> Option<[u8; 16]> {
    if is_v4 {
        let mut address = [0_u8; 4];
        let at = if way == Way::Out { 16 } else { 12 };
        load(skb, at, &mut address).then(|| edge::mapped(address))
    } else {
        let mut address = [0_u8; 16];
        let at = if way == Way::Out { 24 } else { 8 };
        load(skb, at, &mut address).then_some(address)
    }
}

/// The class of the cgroup in which the packet's socket was made.
#[inline(always)]
fn class_of(skb: *mut __sk_buff) -> u32 {
    // SAFETY: the context is the program's own.
    let own = unsafe { bpf_skb_cgroup_id(skb) };
    if let Some(class) = class::of_cgroup(own) {
        return class;
    }
    let Some(watch) = WATCH.get(0) else {
        return UNOBSERVED;
    };
    let mut found = 0;
    for level in Slots::of(watch.levels) {
        let class = class_at(skb, level);
        if class != 0 {
            found = class;
        }
    }
    if found == 0 { watch.rest } else { found }
}

#[unsafe(export_name = "class_of_datagram_at")]
#[inline(never)]
extern "C" fn class_at(skb: *mut __sk_buff, level: u64) -> u32 {
    // SAFETY: the context is the program's own; a level that the cgroup does not have gives 0.
    let id = unsafe { bpf_skb_ancestor_cgroup_id(skb, only(level) as i32) };
    class::of_cgroup(id).unwrap_or(0)
}
