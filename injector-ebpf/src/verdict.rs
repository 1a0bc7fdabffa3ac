//! Where a packet goes that does not simply pass.

use aya_ebpf::bindings::BPF_F_INGRESS;
use aya_ebpf::helpers::generated::{bpf_redirect, bpf_redirect_neigh, bpf_skb_change_type};
use aya_ebpf::programs::TcContext;
use injector_abi::net::NOWHERE;

/// Loses the packet; its sender does not see it.
#[inline(always)]
pub fn nowhere() -> i32 {
    // SAFETY: a redirect only notes where to; nothing has this index.
    let verdict = unsafe { bpf_redirect(NOWHERE, 0) };
    verdict as i32
}

/// The loopback has this index in every network namespace (`LOOPBACK_IFINDEX`).
pub const LOOPBACK: u32 = 1;

/// Sends the packet to where it came from.
#[inline(always)]
pub fn send_back(ctx: &TcContext, leaving: bool) -> i32 {
    // SAFETY: the context is valid for the run of the program.
    let interface = unsafe { (*ctx.skb.skb).ifindex };
    if interface == LOOPBACK {
        // SAFETY: the context is the program's own; type 0 is PACKET_HOST.
        unsafe { bpf_skb_change_type(ctx.skb.skb, 0) };
        // SAFETY: no parameters: the kernel looks the neighbour up.
        return unsafe { bpf_redirect_neigh(LOOPBACK, core::ptr::null_mut(), 0, 0) } as i32;
    }
    let flags = if leaving { BPF_F_INGRESS } else { 0 };
    // SAFETY: as in `nowhere`.
    let verdict = unsafe { bpf_redirect(interface, u64::from(flags)) };
    verdict as i32
}
