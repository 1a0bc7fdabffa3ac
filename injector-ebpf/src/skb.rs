//! What the kernel says of a packet beside its bytes.

use aya_ebpf::programs::TcContext;
use injector_abi::net::MAX_SEGMENTS;

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
