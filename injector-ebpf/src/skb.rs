//! What the kernel says of a packet beside its bytes.

use aya_ebpf::programs::TcContext;
use injector_abi::net::{MAX_SEGMENTS, REINJECTED, REINJECTED_TO_ARRIVE};

/// Segments that the aggregate will be cut into, at most as many as there are thresholds for.
#[inline(always)]
pub fn segments(ctx: &TcContext) -> u32 {
    // SAFETY: the context is valid for the run of the program.
    let segments = unsafe { (*ctx.skb.skb).gso_segs };
    segments.clamp(1, MAX_SEGMENTS)
}

/// Whether a delay line has given the packet back: then it has had its faults at this place. The mark
/// that says so is cleared where the packet goes on as if nothing had been.
#[inline(always)]
pub fn is_given_back(ctx: &TcContext, leaving: bool) -> bool {
    // SAFETY: the context is valid for the run of the program.
    let mark = unsafe { (*ctx.skb.skb).mark };
    let given_back = mark == REINJECTED || mark == REINJECTED_TO_ARRIVE;
    if mark == REINJECTED || given_back && !leaving {
        set_mark(ctx, 0);
    }
    given_back
}

/// Changes the packet's mark; only in programs at an interface.
#[inline(always)]
pub fn set_mark(ctx: &TcContext, mark: u32) {
    // SAFETY: the context is valid for the run of the program, and the field is writable in tc.
    unsafe { (*ctx.skb.skb).mark = mark };
}
