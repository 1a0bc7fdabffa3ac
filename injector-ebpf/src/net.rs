//! Packets: every `net` fault, at an interface (TCX).
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

use aya_ebpf::bindings::{BPF_F_INGRESS, TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::helpers::generated::{bpf_redirect, bpf_redirect_neigh, bpf_skb_change_type};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;
use injector_abi::net::answer;
use injector_ebpf::answer::turn;
use injector_ebpf::concern::{concerned, is_resumed};
use injector_ebpf::maps::{BODIES, SELECT};
use injector_ebpf::occasion::Occasion;
use injector_ebpf::patched;
use injector_ebpf::skb::set_mark;
use injector_ebpf::socket::{Way, by_socket};
use injector_ebpf::stages::{duplicate, lost, spoil, through_line};
use injector_ebpf::verdict::{nowhere, send_back};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Leaving an interface.
#[classifier]
fn net_egress(ctx: TcContext) -> i32 {
    at_interface(&ctx, true)
}

/// Arriving at an interface.
#[classifier]
fn net_ingress(ctx: TcContext) -> i32 {
    at_interface(&ctx, false)
}

/// Jumps to the program of the hook, as long as there is one. Kernels before 6.6 get this at an interface
/// in place of what it jumps to, since nothing takes it away when the engine dies.
#[classifier]
fn net_stub(ctx: TcContext) -> i32 {
    // SAFETY: what it jumps to takes the same context.
    unsafe { BODIES.tail_call(&ctx, patched::hook()) };
    // There is nothing.
    TC_ACT_UNSPEC
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

/// Given back by the delay line of the loopback interface, which needs a route again.
#[classifier]
fn line_loopback(ctx: TcContext) -> i32 {
    set_mark(&ctx, patched::resume());
    // SAFETY: the context is the program's own; type 0 is PACKET_HOST.
    unsafe { bpf_skb_change_type(ctx.skb.skb, 0) };
    // SAFETY: no parameters: the kernel looks the neighbour up.
    let verdict = unsafe { bpf_redirect_neigh(patched::hook(), core::ptr::null_mut(), 0, 0) };
    verdict as i32
}

/// A line's program is loaded with the interface's index where others have the hook's number.
#[inline(always)]
fn reinject(ctx: &TcContext, flags: u64) -> i32 {
    set_mark(ctx, patched::resume());
    // SAFETY: a redirect only notes where to; a vanished interface drops the packet.
    let verdict = unsafe { bpf_redirect(patched::hook(), flags) };
    verdict as i32
}

/// Each stage in its order; a packet that leaves its way comes back to the next one.
#[inline(always)]
fn at_interface(ctx: &TcContext, leaving: bool) -> i32 {
    let way = match (leaving, is_resumed(ctx)) {
        (false, _) => Way::Arriving,
        (true, false) => Way::Leaving,
        (true, true) => Way::Resumed,
    };
    let mask = concerned(ctx.skb.skb, u32::from(leaving));
    let Some(select) = SELECT.get(0).filter(|_| mask != 0) else {
        return TC_ACT_UNSPEC;
    };
    let thorough = patched::thorough() != 0;
    // Not in there, for the sake of the stack that both need.
    let mask = if thorough {
        by_socket(ctx, select, mask, way)
    } else {
        mask
    };
    if mask == 0 {
        return TC_ACT_UNSPEC;
    }
    let occasion = Occasion::now(None);
    if let Some(how) = lost(ctx, select, mask, occasion) {
        return match how {
            answer::SILENCE => nowhere(),
            answer::LOCAL_ERROR => TC_ACT_SHOT,
            how if thorough && turn(ctx.skb.skb, how) != 0 => send_back(ctx, leaving),
            _unanswerable => nowhere(),
        };
    }
    if thorough {
        spoil(ctx, mask & select.corrupt, occasion);
    }
    if let Some(line) = through_line(mask & select.corrupt_line, occasion) {
        return line;
    }
    if thorough {
        duplicate(ctx, mask & select.duplicate, occasion, leaving);
    }
    through_line(mask & select.rate, occasion)
        .or_else(|| through_line(mask & select.delay, occasion))
        .unwrap_or(TC_ACT_UNSPEC)
}
