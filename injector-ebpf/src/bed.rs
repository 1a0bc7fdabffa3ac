//! Beds, in which callers sleep: who gets one, and what became of those who did not.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use injector_abi::sleep::{BEDS as MAX_BEDS, Slept};

use crate::atomic::{fetch_add, fetch_add_one, fetch_or};
use crate::maps::{BEDS, DORMITORIES, SLEPT, TICKETS};

/// Whether the loop that wakes the callers of this fault is alive.
#[inline(always)]
#[must_use]
pub fn is_watched(slot: u32, now_ns: u64) -> bool {
    DORMITORIES
        .get(slot)
        .is_some_and(|dormitory| now_ns < dormitory.lease_ns)
}

/// Counts a caller that has slept since then.
#[inline(always)]
pub fn count_since(slot: u32, begun_ns: u64) {
    let Some(slept) = SLEPT.get_ptr_mut(slot) else {
        return;
    };
    // SAFETY: the helper has no arguments.
    let now_ns = unsafe { bpf_ktime_get_ns() };
    count(slept, now_ns.saturating_sub(begun_ns));
}

#[inline(always)]
fn count(slept: *mut Slept, ns: u64) {
    // SAFETY: a field of the array's entry.
    let calls = unsafe { &raw mut (*slept).calls };
    // SAFETY: nothing changes it otherwise.
    let _before = unsafe { fetch_add_one(calls) };
    // SAFETY: as above.
    let sum = unsafe { &raw mut (*slept).ns };
    // SAFETY: as above.
    let _before = unsafe { fetch_add(sum, ns) };
}

/// The bed is free again, and nobody has slept there.
#[inline(always)]
pub fn stay_awake(slot: u32, bed: u32) {
    give_back(bed);
    miss(slot);
}

/// The bed is free again.
#[inline(always)]
pub fn give_back(bed: u32) {
    if let Some(row) = BEDS.get_ptr_mut(bed) {
        // SAFETY: a field of the array's entry.
        let taken = unsafe { &raw mut (*row).taken };
        // SAFETY: a word is written whole.
        unsafe { taken.write_volatile(0) };
    }
}

#[inline(always)]
fn miss(slot: u32) {
    if let Some(slept) = SLEPT.get_ptr_mut(slot) {
        // SAFETY: a field of the array's entry.
        let awake = unsafe { &raw mut (*slept).awake };
        // SAFETY: nothing changes it otherwise.
        let _before = unsafe { fetch_add_one(awake) };
    }
}

/// A bed that nobody lies in.
#[inline(always)]
#[must_use]
pub fn take(slot: u32) -> Option<u32> {
    let found = find(slot);
    if found == NO_BED {
        miss(slot);
        return None;
    }
    Some(found & (MAX_BEDS - 1))
}

const NO_BED: u32 = u32::MAX;

/// How many beds are looked at: beyond half of them taken, some callers find none.
const TRIES: u64 = 16;

/// A function of its own with plain numbers: the verifier checks its loop once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn find(slot: u32) -> u32 {
    let Some(tickets) = TICKETS.get_ptr_mut(0) else {
        return NO_BED;
    };
    // SAFETY: the array's only entry, which is changed only here.
    let Some(ticket) = (unsafe { fetch_add_one(tickets) }) else {
        return NO_BED;
    };
    for offset in 0..TRIES {
        let bed = (ticket + offset) as u32 & (MAX_BEDS - 1);
        if try_bed(bed, slot) != 0 {
            return bed;
        }
    }
    NO_BED
}

/// 1 if it was free.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn try_bed(bed: u32, slot: u32) -> u64 {
    let Some(row) = BEDS.get_ptr_mut(bed) else {
        return 0;
    };
    // SAFETY: a field of the array's entry.
    let taken = unsafe { &raw mut (*row).taken };
    // SAFETY: only who has set it unsets it.
    if unsafe { fetch_or(taken, 1) } != 0 {
        return 0;
    }
    // SAFETY: as above.
    unsafe { (*row).slot = slot.into() };
    // SAFETY: the helper has no arguments.
    let now_ns = unsafe { bpf_ktime_get_ns() };
    // SAFETY: as above.
    unsafe { (*row).begun_ns = now_ns };
    1
}
