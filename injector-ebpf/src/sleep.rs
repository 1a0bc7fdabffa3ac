//! Callers that sleep until the engine wakes them.
//!
//! A bed is a page of a file that the engine has mapped and serves itself (FUSE). Reading it keeps the
//! caller waiting as it would for a slow file system: it can be killed and frozen, and uses no processor.
//! If nobody serves the file any more, the read fails at once.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{
    bpf_copy_from_user_task, bpf_get_current_pid_tgid, bpf_get_current_task_btf,
};
use injector_abi::SLOTS;
use injector_abi::sleep::{AGAIN, BEDS as MAX_BEDS};
use injector_abi::syscall::PAGE;

use crate::atomic::fetch_add;
use crate::bed;
use crate::judge::Act;
use crate::kfunc;
use crate::maps::{BEDS, DORMITORIES, KEPT, RISEN, TURNS, WORKS};

/// Lets the caller sleep here and now.
#[inline(always)]
pub fn here(act: Act) {
    if let Some(bed) = bed::take(act.slot) {
        sleep(bed);
    }
}

/// Keeps a bed for the caller, until one of the programs has room that take turns.
#[inline(always)]
pub fn reserve(act: Act) {
    // Of an earlier call, if who was to give it up was not run then.
    forgo();
    let Some(bed) = bed::take(act.slot) else {
        return;
    };
    if TURNS.insert(thread(), bed, 0).is_err() {
        bed::stay_awake(act.slot, bed);
        return;
    }
    change_kept(1);
}

/// Lets the caller sleep here and now, if a bed is kept for it.
#[inline(always)]
pub fn in_turn() {
    if let Some(bed) = claim() {
        sleep(bed);
    }
}

/// Gives the caller's bed up, if one is still kept for it.
#[inline(always)]
pub fn forgo() {
    if let Some(bed) = claim()
        && let Some(row) = BEDS.get(bed)
    {
        bed::stay_awake(row.slot as u32 & (SLOTS - 1), bed);
    }
}

/// The bed that is kept for the caller, which then is kept no more.
#[inline(always)]
fn claim() -> Option<u32> {
    if is_none_kept() {
        return None;
    }
    let thread = thread();
    // SAFETY: one word, which only this thread changes.
    let bed = *unsafe { TURNS.get(thread) }?;
    let _removed = TURNS.remove(thread);
    change_kept(-1);
    Some(bed & (MAX_BEDS - 1))
}

/// Adds so many to how many beds are kept.
#[inline(always)]
fn change_kept(more: i64) {
    if let Some(kept) = KEPT.get_ptr_mut(0) {
        // SAFETY: the array's only entry, which is changed only here.
        let _before = unsafe { fetch_add(kept, more.cast_unsigned()) };
    }
}

/// The caller sees its own: it was counted before, by the same thread.
#[inline(always)]
fn is_none_kept() -> bool {
    KEPT.get(0).is_none_or(|kept| *kept == 0)
}

#[inline(always)]
fn thread() -> u64 {
    // SAFETY: the helper has no arguments.
    unsafe { bpf_get_current_pid_tgid() }
}

/// Lets the caller sleep when its call has been made, before it goes back to its program.
#[inline(always)]
pub fn after(act: Act) {
    let Some((bed, kept)) = prepare(act.slot) else {
        return;
    };
    // SAFETY: a current task is one.
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: the entry is of the map.
    if unsafe { kfunc::schedule_resume(task, kept, works(), lie_down) } != 0 {
        bed::stay_awake(act.slot, bed);
    }
}

/// Lets the caller sleep and then make its call once more: what the call is to return meanwhile. `stack`
/// tells it from calls that a handler of a signal makes.
#[inline(always)]
pub fn before(act: Act, stack: u64) -> i64 {
    let Some((bed, kept)) = prepare(act.slot) else {
        return 0;
    };
    let thread = thread();
    if RISEN.insert(thread, stack, 0).is_err() {
        bed::stay_awake(act.slot, bed);
        return 0;
    }
    // SAFETY: a current task is one.
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: the entry is of the map.
    if unsafe { kfunc::schedule_signal(task, kept, works(), lie_down) } != 0 {
        let _forgotten = RISEN.remove(thread);
        bed::stay_awake(act.slot, bed);
        return 0;
    }
    AGAIN
}

/// Whether the caller has slept and now makes its call once more; true only once.
#[inline(always)]
#[must_use]
pub fn has_risen(stack: u64) -> bool {
    let thread = thread();
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
    let bed = bed::take(slot)?;
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
    bed::count_since(slot, begun_ns);
    bed::give_back(bed);
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
