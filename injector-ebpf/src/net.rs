//! Packets: `net.loss` and `net.delay`, at an interface (TCX).
//!
//! Runs in softirq for other people's tasks, so it never reads `current`. A packet that concerns no
//! fault goes on to the next program; so does one that the delay line gave back.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "the macro that makes a program's entry passes the context by value"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "helpers return verdicts in a wider type"
)]
#![expect(
    clippy::inline_always,
    reason = "a call that LLVM leaves is checked by the verifier anew in every context"
)]

use aya_ebpf::bindings::{BPF_F_INGRESS, TC_ACT_UNSPEC};
use aya_ebpf::helpers::generated::{bpf_redirect, bpf_redirect_neigh, bpf_skb_change_type};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;
use injector_abi::net::{NOWHERE, REINJECTED, REINJECTED_TO_ARRIVE};
use injector_abi::{SLOTS, Select};
use injector_ebpf::judge::{Way, first_to_act};
use injector_ebpf::lockout::keeps_caller_in;
use injector_ebpf::maps::{ARMED, LINE_IFINDEX, SELECT};
use injector_ebpf::occasion::Occasion;
use injector_ebpf::packet::{End, ICMP, ICMP6, TCP, UDP, parse};
use injector_ebpf::patched;
use injector_ebpf::select;
use injector_ebpf::skb::{is_given_back, segments, set_mark};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Leaving an interface.
#[classifier]
fn net_egress(ctx: TcContext) -> i32 {
    at_interface(&ctx, ETHERNET_HEADER, true)
}

/// Arriving at an interface.
#[classifier]
fn net_ingress(ctx: TcContext) -> i32 {
    at_interface(&ctx, ETHERNET_HEADER, false)
}

/// Leaving an interface without a link layer: tun and other tunnels.
#[classifier]
fn net_egress_bare(ctx: TcContext) -> i32 {
    at_interface(&ctx, 0, true)
}

/// Arriving at one.
#[classifier]
fn net_ingress_bare(ctx: TcContext) -> i32 {
    at_interface(&ctx, 0, false)
}

/// Given back by the delay line of an egress hook: out of the interface it was leaving.
#[classifier]
fn line_egress(ctx: TcContext) -> i32 {
    reinject(&ctx, 0)
}

/// Given back by the delay line of an ingress hook: into the interface it arrived at.
#[classifier]
fn line_ingress(ctx: TcContext) -> i32 {
    reinject(&ctx, u64::from(BPF_F_INGRESS))
}

/// Given back by the delay line of packets that leave by the loopback interface.
#[classifier]
fn line_loopback_egress(ctx: TcContext) -> i32 {
    reinject_loopback(&ctx, REINJECTED)
}

/// The same for packets that arrive by it.
#[classifier]
fn line_loopback_ingress(ctx: TcContext) -> i32 {
    reinject_loopback(&ctx, REINJECTED_TO_ARRIVE)
}

/// A packet needs its route again on the loopback interface.
#[inline(always)]
fn reinject_loopback(ctx: &TcContext, mark: u32) -> i32 {
    set_mark(ctx, mark);
    // SAFETY: the context is the program's own; type 0 is PACKET_HOST.
    unsafe { bpf_skb_change_type(ctx.skb.skb, 0) };
    // SAFETY: no parameters: the kernel looks the neighbour up.
    let verdict = unsafe { bpf_redirect_neigh(patched::hook(), core::ptr::null_mut(), 0, 0) };
    verdict as i32
}

/// A line's program is loaded with the interface's index where others have the hook's number.
#[inline(always)]
fn reinject(ctx: &TcContext, flags: u64) -> i32 {
    set_mark(ctx, REINJECTED);
    // SAFETY: a redirect only notes where to; a vanished interface drops the packet.
    let verdict = unsafe { bpf_redirect(patched::hook(), flags) };
    verdict as i32
}

const ETHERNET_HEADER: usize = 14;

#[inline(always)]
fn at_interface(ctx: &TcContext, offset: usize, leaving: bool) -> i32 {
    if is_given_back(ctx, leaving) {
        return TC_ACT_UNSPEC;
    }
    let Some(concern) = concern(ctx, offset, leaving) else {
        return TC_ACT_UNSPEC;
    };
    if lost(ctx, &concern) {
        // SAFETY: see `reinject`; nothing has this index.
        return unsafe { bpf_redirect(NOWHERE, 0) } as i32;
    }
    if let Some(line) = delayed(&concern) {
        // SAFETY: see `reinject`.
        return unsafe { bpf_redirect(line, 0) } as i32;
    }
    TC_ACT_UNSPEC
}

/// Which faults a packet concerns, by kind.
struct Concern {
    loss: u64,
    delay: u64,
    occasion: Occasion,
}

#[inline(always)]
fn concern(ctx: &TcContext, offset: usize, leaving: bool) -> Option<Concern> {
    let armed = ARMED.get(patched::hook())?;
    if armed.slots == 0 {
        return None;
    }
    let select = SELECT.get(0)?;
    let packet = parse(ctx, offset)?;
    let peer = if leaving {
        End::Destination
    } else {
        End::Source
    };
    let mut mask = armed.slots & by_protocol(select, packet.protocol);
    mask = select::by_ports(select, mask, packet.source_port, packet.destination_port);
    if mask != 0 {
        mask = select::by_peer(select, mask, || packet.address(ctx, peer));
    }
    if mask != 0 {
        mask = select::by_socket(ctx, select, mask, &packet, leaving);
    }
    if mask & !select.lockout != 0 && keeps_caller_in(ctx, armed, &packet, peer) {
        mask &= select.lockout;
    }
    if mask == 0 {
        return None;
    }
    let occasion = Occasion::now(None);
    Some(Concern {
        loss: mask & select.loss,
        delay: mask & select.delay,
        occasion,
    })
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

/// Whether some `net.loss` takes the packet. They compose independently: each throws its own dice.
#[inline(always)]
fn lost(ctx: &TcContext, concern: &Concern) -> bool {
    concern.loss != 0
        && first_to_act(concern.loss, concern.occasion, Way::Segments(segments(ctx))).is_some()
}

/// The delay line that some `net.delay` sends the packet through.
#[inline(always)]
fn delayed(concern: &Concern) -> Option<u32> {
    if concern.delay == 0 {
        return None;
    }
    let slot = first_to_act(concern.delay, concern.occasion, Way::ThroughLine)?;
    LINE_IFINDEX
        .get(patched::hook() * SLOTS + slot)
        .copied()
        .filter(|ifindex| *ifindex != 0)
}
