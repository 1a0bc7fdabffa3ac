//! What the faults that a packet concerns do to it, each kind in its turn.

use aya_ebpf::bindings::{__sk_buff, BPF_F_INGRESS};
use aya_ebpf::helpers::generated::{bpf_clone_redirect, bpf_redirect};
use aya_ebpf::programs::TcContext;
use aya_ebpf::programs::sk_buff::SkBuff;
use injector_abi::net::{resume, stage};
use injector_abi::{SLOTS, Select};

use crate::corrupt::{corrupt, payload};
use crate::judge::{Way, acts, first_to_act};
use crate::maps::{FAULTS, LINE_IFINDEX};
use crate::occasion::Occasion;
use crate::patched;
use crate::select::{Slots, only};
use crate::skb::{mark, segments, set_mark};
use crate::verdict::LOOPBACK;

/// Whether some `net.partition` or `net.loss` takes the packet, and what its sender is to hear. They
/// compose independently: each throws its own dice.
#[inline(always)]
pub fn lost(ctx: &TcContext, select: &Select, mask: u64, occasion: Occasion) -> Option<u32> {
    let parted = first_to_act(mask & select.partition, occasion, Way::Here);
    let act = if let Some(act) = parted {
        act
    } else {
        let whole = occasion.of_segments(segments(ctx));
        first_to_act(mask & select.loss, whole, Way::Here)?
    };
    FAULTS.get(act.slot).map(|fault| fault.answer)
}

/// Has every `net.corrupt` that acts flip its bits, where there are any to flip.
#[inline(always)]
pub fn spoil(ctx: &TcContext, mask: u64, occasion: Occasion) {
    if mask == 0 {
        return;
    }
    let payload = payload(ctx.skb.skb);
    if payload == 0 {
        return;
    }
    let whole = occasion.of_segments(segments(ctx));
    for slot in Slots::of(mask) {
        spoil_by(ctx.skb.skb, payload, slot, whole.packed(), whole.now_ns);
    }
}

/// A turn of a loop is a function of its own with plain numbers: the verifier checks it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn spoil_by(
    skb: *mut __sk_buff,
    payload: u64,
    slot: u64,
    occasion: u64,
    now_ns: u64,
) -> u64 {
    let hit = acts(slot, Occasion::unpacked(occasion, now_ns));
    hit.map_or(0, |hit| corrupt(skb, payload, only(slot), hit))
}

/// Sends the packet through the line of the first of these faults that acts.
#[inline(always)]
pub fn through_line(mask: u64, occasion: Occasion) -> Option<i32> {
    let act = first_to_act(mask, occasion, Way::ThroughLine)?;
    let line = LINE_IFINDEX.get(patched::hook() * SLOTS + act.slot)?;
    // SAFETY: a redirect only notes where to; a vanished interface drops the packet.
    (*line != 0).then(|| unsafe { bpf_redirect(*line, 0) } as i32)
}

/// Sends a copy ahead for each of these faults that acts; the copy goes on behind this stage.
#[inline(always)]
pub fn duplicate(ctx: &TcContext, mask: u64, occasion: Occasion, leaving: bool) {
    let (skb, now_ns) = (ctx.skb.skb, occasion.now_ns);
    for slot in Slots::of(mask) {
        duplicate_by(skb, u32::from(leaving), slot, occasion.packed(), now_ns);
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn duplicate_by(
    skb: *mut __sk_buff,
    leaving: u32,
    slot: u64,
    occasion: u64,
    now_ns: u64,
) -> u64 {
    let hit = acts(slot, Occasion::unpacked(occasion, now_ns));
    if hit.is_some() {
        send_copy(skb, leaving != 0, only(slot));
    }
    hit.unwrap_or(0)
}

#[inline(always)]
fn send_copy(skb: *mut __sk_buff, leaving: bool, slot: u32) {
    let ctx = &TcContext {
        skb: SkBuff { skb },
    };
    // SAFETY: the context is valid for the run of the program.
    let interface = unsafe { (*skb).ifindex };
    // On the loopback only a packet that leaves has a route; the copy arrives by leaving again.
    let arriving = !leaving && interface != LOOPBACK;
    let own = mark(ctx);
    set_mark(ctx, resume(!leaving, stage::DUPLICATE, slot));
    let flags = if arriving { BPF_F_INGRESS } else { 0 };
    // SAFETY: the context is the program's own; without memory there is no copy.
    let _no_memory = unsafe { bpf_clone_redirect(skb, interface, u64::from(flags)) };
    set_mark(ctx, own);
}
