//! Whose packet it is where several share a network namespace: by the socket that sent it, or that it
//! is for.
//!
//! A packet whose socket cannot be told (sent on, multicast, a later fragment, ICMP that arrives)
//! concerns no fault that names a cgroup or a process.

use aya_ebpf::bindings::{__sk_buff, bpf_sock};
use aya_ebpf::helpers::generated::{bpf_get_listener_sock, bpf_sk_fullsock, bpf_sk_release};
use aya_ebpf::programs::TcContext;
use aya_ebpf::programs::sk_buff::SkBuff;
use injector_abi::Select;

use crate::cgroup;
use crate::flow::{Flow, listens_anywhere};
use crate::maps::{EPOCHS, SELECT, SOCKETS};
use crate::packet::{Packet, parse};
use crate::select::{Slots, only};

/// How a packet passes an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Leaving,
    Arriving,
    /// Leaving again after we took it aside or copied it, which cost it its socket.
    Resumed,
}

/// Keeps the slots of `mask` that name neither cgroup nor process, and those that name the ones of the
/// packet's socket.
#[inline(always)]
pub fn by_socket(ctx: &TcContext, select: &Select, mask: u64, way: Way) -> u64 {
    let skb = ctx.skb.skb;
    if mask & !(select.any_cgroup & select.any_thread_group) == 0 {
        return mask;
    }
    match way {
        Way::Leaving => of_sender(skb, select, mask),
        Way::Arriving => of_receiver(skb, mask, 0),
        // The socket that sent it is the one that an answer would be for.
        Way::Resumed => of_receiver(skb, mask, 1),
    }
}

/// By the socket that sends the packet.
#[inline(always)]
fn of_sender(skb: *mut __sk_buff, select: &Select, mut mask: u64) -> u64 {
    if is_tagged(skb) {
        return mask & select.any_cgroup & select.any_thread_group;
    }
    if mask & !select.any_cgroup != 0 {
        mask &= select.any_cgroup | cgroup::of_sender(skb, select.cgroup_levels);
    }
    if mask & !select.any_thread_group != 0 {
        let socket = sending(skb);
        mask &= select.any_thread_group | marked(socket, mask);
    }
    mask
}

/// By the socket that the packet is for, or would be if it was `turned` round. A function of its own,
/// so that the verifier checks it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_receiver(skb: *mut __sk_buff, mask: u64, turned: u32) -> u64 {
    let Some(select) = SELECT.get(0) else {
        return 0;
    };
    let unnamed = mask & select.any_cgroup & select.any_thread_group;
    // SAFETY: the context is the program's own.
    let others = turned == 0 && unsafe { (*skb).pkt_type } != PACKET_HOST;
    if others || is_tagged(skb) {
        return unnamed;
    }
    let ctx = TcContext {
        skb: SkBuff { skb },
    };
    let Some(packet) = parse(&ctx) else {
        return unnamed;
    };
    let found = if packet.is_v4 {
        look_up::<8>(skb, mask, select, &packet, turned != 0)
    } else {
        look_up::<32>(skb, mask, select, &packet, turned != 0)
    };
    found.unwrap_or(unnamed)
}

/// A packet of a VLAN passes the VLAN's own interface too, and is told there.
#[inline(always)]
fn is_tagged(skb: *mut __sk_buff) -> bool {
    // SAFETY: the context is the program's own.
    unsafe { (*skb).vlan_present != 0 }
}

const PACKET_HOST: u32 = 0;

/// `N` is the length of both addresses together.
#[inline(always)]
fn look_up<const N: usize>(
    skb: *mut __sk_buff,
    mut mask: u64,
    select: &Select,
    packet: &Packet,
    turned: bool,
) -> Option<u64> {
    let mut flow = Flow::<N>::read(skb, packet, turned)?;
    let socket = flow.socket(skb, packet.protocol)?;
    if mask & !select.any_cgroup != 0 {
        mask &= select.any_cgroup | cgroup::of_address(cgroup::address_of(socket));
    }
    if mask & !select.any_thread_group != 0 {
        mask &= select.any_thread_group | marked(socket, mask);
    }
    let anywhere = listens_anywhere::<N>(socket);
    // SAFETY: the look-up gave it to us to hold.
    unsafe { bpf_sk_release(socket.cast()) };
    let named = mask & !(select.any_cgroup & select.any_thread_group) != 0;
    (!(named && anywhere && !turned && flow.is_forwarded(skb))).then_some(mask)
}

/// The full socket that sends the packet: for an answer to a connection being made, the one that listens.
#[inline(always)]
fn sending(skb: *mut __sk_buff) -> *mut bpf_sock {
    // SAFETY: the context is the program's own.
    let field = unsafe { &raw const (*skb).__bindgen_anon_2 }.cast::<*mut bpf_sock>();
    // SAFETY: one load of the whole pointer, as the verifier wants it.
    let socket = unsafe { field.read_volatile() };
    if socket.is_null() {
        return socket;
    }
    // SAFETY: the packet holds its socket.
    let full = unsafe { bpf_sk_fullsock(socket) };
    if full.is_null() {
        // SAFETY: as above.
        unsafe { bpf_get_listener_sock(socket) }
    } else {
        full
    }
}

/// The slots of `mask` whose fault the socket was marked for.
#[inline(always)]
fn marked(socket: *mut bpf_sock, mask: u64) -> u64 {
    if socket.is_null() {
        return 0;
    }
    // SAFETY: the packet or our look-up holds the socket.
    let mark = unsafe { SOCKETS.get(socket) };
    mark.map_or(0, |mark| since(mask & mark.slots, mark.epoch))
}

/// The slots of `mask` whose fault was there in that epoch.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn since(mask: u64, epoch: u64) -> u64 {
    let mut there = 0;
    for slot in Slots::of(mask) {
        there |= was_there(slot, epoch);
    }
    there
}

/// The slot itself if its fault was there in that epoch.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn was_there(slot: u64, epoch: u64) -> u64 {
    let since = EPOCHS.get(only(slot));
    since
        .filter(|since| **since <= epoch)
        .map_or(0, |_since| slot)
}
