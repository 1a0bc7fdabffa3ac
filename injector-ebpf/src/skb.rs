//! A packet's bytes, and what the kernel says of it beside them.

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::generated::{bpf_skb_load_bytes, bpf_skb_store_bytes};
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

/// Fills `bytes` from `at` on; false if the packet is shorter.
#[inline(always)]
pub fn load<const N: usize>(skb: *mut __sk_buff, at: u32, bytes: &mut [u8; N]) -> bool {
    // SAFETY: the destination is as long as it says.
    let failed = unsafe { bpf_skb_load_bytes(skb.cast(), at, bytes.as_mut_ptr().cast(), N as u32) };
    failed == 0
}

/// Writes `bytes` at `at`; false if the packet is shorter.
#[inline(always)]
pub(crate) fn store<const N: usize>(skb: *mut __sk_buff, at: u32, bytes: &[u8; N]) -> bool {
    // SAFETY: the source is as long as it says.
    let failed = unsafe { bpf_skb_store_bytes(skb, at, bytes.as_ptr().cast(), N as u32, 0) };
    failed == 0
}

/// Words of the packet, or zeroes where it is too short. By words, as bytes would be moved one by one.
#[inline(always)]
pub(crate) fn words<const N: usize>(ctx: &TcContext, offset: usize) -> [u32; N] {
    if let Some(words) = in_place::<[u32; N]>(ctx, offset) {
        // SAFETY: the bytes are inside the packet.
        return unsafe { words.read_unaligned() };
    }
    ctx.load(offset).unwrap_or([0; N])
}

/// Bytes of the packet that lie in its first piece.
#[inline(always)]
pub(crate) fn in_place<T>(ctx: &TcContext, offset: usize) -> Option<*const T> {
    let start = ctx.data() + offset;
    (start + size_of::<T>() <= ctx.data_end()).then_some(start as *const T)
}
