//! Whether a fault that an event concerns acts on it: safety first, then `when`, then the dice.

use injector_abi::{Counters, Fault, Progress, SLOTS, draw, in_window, injects};

use crate::atomic::fetch_add_one;
use crate::bed;
use crate::chance::of_aggregate;
use crate::maps::{COUNTERS, FAULTS, LINE_LEASE, PROGRESS};
use crate::occasion::Occasion;
use crate::patched;
use crate::select::{Slots, only};
use crate::streams::{NO_TGID, hit_index, report};
use crate::tally;

/// What a fault would do, as far as it matters for whether it does it.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// Act where the event is.
    Here,
    /// Send through its delay line, which has to be alive.
    ThroughLine,
    /// Let the caller sleep, whom somebody has to wake.
    ToBed,
}

/// A fault that acts, on which of the events that concern it.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub slot: u32,
    /// Index in its stream, from 1.
    pub hit: u64,
}

/// The first of the faults in `mask` that acts on this event. Each throws its own dice.
#[inline(always)]
pub fn first_to_act(mask: u64, occasion: Occasion, way: Way) -> Option<Act> {
    // Most events concern no fault of most kinds, and at most one of the others: a call costs more than
    // to look.
    if mask == 0 {
        return None;
    }
    if mask.is_power_of_two() {
        let slot = only(mask);
        return judged(mask, occasion, way).map(|hit| Act { slot, hit });
    }
    let tgid = occasion.tgid.unwrap_or(NO_TGID);
    let found = judge_all(
        mask,
        tgid,
        flags(occasion, way),
        occasion.segments,
        occasion.now_ns,
    );
    let act = Act {
        slot: found as u32 & (SLOTS - 1),
        hit: found >> SLOT_BITS,
    };
    (act.hit != 0).then_some(act)
}

/// Whether the fault in the only slot of `slot` acts on this event: the index of the event if it does.
#[inline(always)]
pub fn acts(slot: u64, occasion: Occasion) -> Option<u64> {
    judged(slot, occasion, Way::Here)
}

#[inline(always)]
fn judged(slot: u64, occasion: Occasion, way: Way) -> Option<u64> {
    let hit = judge(
        slot,
        occasion.tgid.unwrap_or(NO_TGID),
        flags(occasion, way),
        occasion.segments,
        occasion.now_ns,
    );
    (hit != 0).then_some(hit)
}

const ALIVE: u32 = 1;
const THROUGH_LINE: u32 = 2;
const TO_BED: u32 = 4;

#[inline(always)]
fn flags(occasion: Occasion, way: Way) -> u32 {
    let way = match way {
        Way::Here => 0,
        Way::ThroughLine => THROUGH_LINE,
        Way::ToBed => TO_BED,
    };
    u32::from(occasion.alive) | way
}

const SLOT_BITS: u32 = SLOTS.trailing_zeros();

/// A function of its own with plain numbers, like [`judge`]: the verifier checks each once, not once
/// for every branch that leads here (milliseconds instead of half a second).
///
/// The slot in the low bits and the index of the event above them, which is 0 if no fault acts.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn judge_all(mask: u64, tgid: u32, flags: u32, segments: u32, now_ns: u64) -> u64 {
    for slot in Slots::of(mask) {
        let hit = judge(slot, tgid, flags, segments, now_ns);
        if hit != 0 {
            return hit << SLOT_BITS | u64::from(only(slot));
        }
    }
    0
}

/// The index of the event if the fault in the only slot of `slot` acts on it, else 0. Counts whatever
/// happens.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn judge(slot: u64, tgid: u32, flags: u32, segments: u32, now_ns: u64) -> u64 {
    decide(only(slot), tgid, flags, segments, now_ns).unwrap_or(0)
}

#[inline(always)]
fn decide(slot: u32, tgid: u32, flags: u32, segments: u32, now_ns: u64) -> Option<u64> {
    let fault = FAULTS.get(slot)?;
    let progress = PROGRESS.get_ptr_mut(slot)?;
    let counters = COUNTERS.get_ptr_mut(slot)?;
    // SAFETY: this CPU's own entry; programs of one CPU do not interrupt one another here.
    let counters = unsafe { &mut *counters };

    counters.matched += 1;
    // SAFETY: the array's entry lives as long as the program; a word is read whole.
    let granted = unsafe { (*progress).granted };
    let exhausted = fault.max_hits != 0 && granted >= fault.max_hits;
    let alive = flags & ALIVE != 0
        && (flags & THROUGH_LINE == 0 || line_is_alive(slot, now_ns))
        && (flags & TO_BED == 0 || bed::is_watched(slot, now_ns));
    if !alive || now_ns >= fault.deadline_ns || exhausted {
        counters.expired += 1;
        return None;
    }
    let Some((stream, hit)) = hit_index(slot, tgid, progress) else {
        counters.expired += 1;
        return None;
    };
    if !in_window(hit, fault.first, fault.last, fault.step) {
        counters.outside += 1;
        return None;
    }
    let threshold = threshold(slot, fault, segments, hit);
    if !injects(draw(fault.seed, stream, hit), threshold) {
        eligible(counters, threshold);
        counters.passed += 1;
        return None;
    }
    if !is_granted(fault, progress) {
        // Another CPU took the last one between the check above and here.
        counters.expired += 1;
        return None;
    }
    eligible(counters, threshold);
    counters.injected += 1;
    report(slot, stream, hit, progress);
    tally::add(slot, tgid);
    (fault.rehearsing == 0).then_some(hit)
}

/// How likely this event is to suffer: an aggregate as likely as its segments together.
#[inline(always)]
fn threshold(slot: u32, fault: &Fault, segments: u32, hit: u64) -> u64 {
    if segments <= 1 && fault.chain.is_absent() {
        fault.threshold
    } else {
        of_aggregate(slot, segments, hit)
    }
}

/// Takes one of the hits that the fault may make, if there are any left.
#[inline(always)]
fn is_granted(fault: &Fault, progress: *mut Progress) -> bool {
    // SAFETY: a field of the array's entry.
    let granted = unsafe { &raw mut (*progress).granted };
    // SAFETY: nothing changes it otherwise.
    let granted = unsafe { fetch_add_one(granted) };
    fault.max_hits == 0 || granted.is_some_and(|granted| granted < fault.max_hits)
}

#[inline(always)]
fn line_is_alive(slot: u32, now_ns: u64) -> bool {
    LINE_LEASE
        .get(patched::hook() * SLOTS + slot)
        .is_some_and(|until| now_ns < *until)
}

#[inline(always)]
fn eligible(counters: &mut Counters, threshold: u64) {
    counters.eligible += 1;
    counters.expected += threshold;
}
