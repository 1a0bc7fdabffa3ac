//! What a task waits for, kept with it.

use aya_ebpf::bindings::task_struct;
use injector_abi::lack::TASK_STORAGE;
use injector_abi::trace::{Waiting, lost};

use super::count;
use super::maps::{WAITING, WAITING_BY_THREAD};
use crate::patched;
use crate::task;

/// What is known of `task`.
///
/// # Safety
///
/// The verifier has to know that `task` is one.
#[inline(always)]
#[must_use]
pub unsafe fn of(task: *mut task_struct) -> Option<Waiting> {
    if patched::lack() & TASK_STORAGE != 0 {
        // SAFETY: copied at once.
        return unsafe { WAITING_BY_THREAD.get(thread(task)?) }.copied();
    }
    // SAFETY: the caller vouches for the task.
    let kept = unsafe { WAITING.get(task) }?;
    // SAFETY: a value of this map.
    Some(unsafe { *kept })
}

/// Keeps it for `task`.
///
/// # Safety
///
/// As for [`of`].
#[inline(always)]
pub unsafe fn keep(task: *mut task_struct, waiting: Waiting) {
    let kept = if patched::lack() & TASK_STORAGE != 0 {
        thread(task).is_some_and(|thread| WAITING_BY_THREAD.insert(thread, waiting, 0).is_ok())
    } else {
        // SAFETY: the caller vouches for the task.
        unsafe { WAITING.give(task, waiting) }
    };
    if !kept {
        count::lost(lost::NOT_TIMED);
    }
}

#[inline(always)]
fn thread(task: *mut task_struct) -> Option<u32> {
    task::read(task as u64 + u64::from(patched::task_pid_offset()))
}
