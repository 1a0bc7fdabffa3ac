//! Beds, in which callers sleep until the engine wakes them.
//!
//! A bed is a page of a file that the engine has mapped and serves itself (FUSE). Reading it keeps the
//! caller waiting as it would for a slow file system: it can be killed and frozen, and uses no processor.
//! If nobody serves the file any more, the read fails at once.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{
    bpf_copy_from_user_task, bpf_get_current_pid_tgid, bpf_get_current_task_btf, bpf_ktime_get_ns,
};
use injector_abi::SLOTS;
use injector_abi::sleep::{AGAIN, BEDS as MAX_BEDS, Slept};
use injector_abi::syscall::PAGE;

use crate::atomic::{fetch_add, fetch_add_one, fetch_or};
use crate::judge::Act;
use crate::kfunc;
use crate::maps::{BEDS, DORMITORIES, RISEN, SLEPT, TICKETS, WORKS};

/// Whether the loop that wakes the callers of this fault is alive.
#[inline(always)]
#[must_use]
pub fn is_watched(slot: u32, now_ns: u64) -> bool {
    DORMITORIES
        .get(slot)
        .is_some_and(|dormitory| now_ns < dormitory.lease_ns)
}

/// Lets the caller sleep here and now.
#[inline(always)]
pub fn sleep_here(act: Act) {
    if let Some(bed) = take(act.slot) {
        sleep(bed);
    }
}

/// Lets the caller sleep when its call has been made, before it goes back to its program.
#[inline(always)]
pub fn sleep_after(act: Act) {
    let Some((bed, kept)) = prepare(act.slot) else {
        return;
    };
    // SAFETY: a current task is one.
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: the entry is of the map.
    if unsafe { kfunc::schedule_resume(task, kept, works(), lie_down) } != 0 {
        stay_awake(act.slot, bed);
    }
}

/// Lets the caller sleep and then make its call once more: what the call is to return meanwhile. `stack`
/// tells it from calls that a handler of a signal makes.
#[inline(always)]
pub fn sleep_before(act: Act, stack: u64) -> i64 {
    let Some((bed, kept)) = prepare(act.slot) else {
        return 0;
    };
    // SAFETY: the helper has no arguments.
    let thread = unsafe { bpf_get_current_pid_tgid() };
    if RISEN.insert(thread, stack, 0).is_err() {
        stay_awake(act.slot, bed);
        return 0;
    }
    // SAFETY: a current task is one.
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: the entry is of the map.
    if unsafe { kfunc::schedule_signal(task, kept, works(), lie_down) } != 0 {
        let _forgotten = RISEN.remove(thread);
        stay_awake(act.slot, bed);
        return 0;
    }
    AGAIN
}

/// Whether the caller has slept and now makes its call once more; true only once.
#[inline(always)]
#[must_use]
pub fn has_risen(stack: u64) -> bool {
    // SAFETY: the helper has no arguments.
    let thread = unsafe { bpf_get_current_pid_tgid() };
    // SAFETY: one word, which only this thread changes.
    let risen = unsafe { RISEN.get(thread) }.is_some_and(|risen| *risen == stack);
    if risen {
        let _removed = RISEN.remove(thread);
    }
    risen
}

/// A bed, and what the kernel keeps of who will lie down there.
#[inline(always)]
fn prepare(slot: u32) -> Option<(u32, *mut u64)> {
    let bed = take(slot)?;
    WORKS.get_ptr_mut(bed).map(|kept| (bed, kept))
}

#[inline(always)]
fn works() -> *mut c_void {
    (&raw const WORKS).cast_mut().cast()
}

/// What a task does before it goes back to its program. Not a function of its own to the verifier, which
/// wants it to be nobody else's.
#[inline(never)]
extern "C" fn lie_down(_map: *mut c_void, bed: *mut u32, _kept: *mut c_void) -> i32 {
    // SAFETY: the key of the entry.
    sleep(unsafe { *bed });
    0
}

/// Reads the page of the bed, which takes until the engine answers.
#[inline(always)]
fn sleep(bed: u32) {
    let bed = bed & (MAX_BEDS - 1);
    let Some(row) = BEDS.get(bed) else {
        return;
    };
    let (slot, begun_ns) = (row.slot as u32 & (SLOTS - 1), row.begun_ns);
    if let Some(dormitory) = DORMITORIES.get(slot) {
        let page = dormitory.address + u64::from(bed) * PAGE;
        read_of(dormitory.holder as i32, page);
    }
    if let Some(slept) = SLEPT.get_ptr_mut(slot) {
        // SAFETY: the helper has no arguments.
        let now_ns = unsafe { bpf_ktime_get_ns() };
        count(slept, now_ns.saturating_sub(begun_ns));
    }
    give_back(bed);
}

/// Reads what that process has there.
#[inline(always)]
fn read_of(process: i32, address: u64) {
    // SAFETY: what is got is given back.
    let task = unsafe { kfunc::task_from_pid(process) };
    if task.is_null() {
        return;
    }
    let mut nothing = [0_u64; 1];
    let (to, from) = (nothing.as_mut_ptr().cast(), address as *const c_void);
    // SAFETY: a buffer of that size. There never is anything to read.
    let _answer = unsafe { bpf_copy_from_user_task(to, 8, from, task.cast(), 0) };
    // SAFETY: got above.
    unsafe { kfunc::task_release(task) };
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

#[inline(always)]
fn stay_awake(slot: u32, bed: u32) {
    give_back(bed);
    miss(slot);
}

#[inline(always)]
fn give_back(bed: u32) {
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
fn take(slot: u32) -> Option<u32> {
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
