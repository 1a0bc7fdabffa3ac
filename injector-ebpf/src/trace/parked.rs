//! What a task was in when it left its processor.
//!
//! A call that does not wait begins and ends on one processor, where [`super::maps::CURRENT`] has it: only
//! what waits is looked up with its task, which costs several times as much.

use aya_ebpf::helpers::generated::{bpf_get_current_pid_tgid, bpf_get_current_task_btf};
use injector_abi::lack::TASK_STORAGE;
use injector_abi::trace::{Current, lost};

use super::count;
use super::maps::{PARKED, PARKED_BY_THREAD};
use crate::patched;

/// Keeps it for the current task.
#[inline(always)]
pub fn park(current: Current) {
    let kept = if patched::lack() & TASK_STORAGE != 0 {
        PARKED_BY_THREAD.insert(thread(), current, 0).is_ok()
    } else {
        // SAFETY: the helper has no arguments.
        let task = unsafe { bpf_get_current_task_btf() };
        // SAFETY: the task is the current one.
        unsafe { PARKED.give(task.cast(), current) }
    };
    if !kept {
        count::lost(lost::NOT_PARKED);
    }
}

/// Gives what was kept for the current task, once; in no call if nothing was.
///
/// No option: before 5.13 the verifier refuses the copies that LLVM makes of one before it asks whether it is
/// there.
#[inline(always)]
pub fn resume() -> Current {
    if patched::lack() & TASK_STORAGE != 0 {
        resume_by_thread()
    } else {
        resume_by_task()
    }
}

#[inline(always)]
fn resume_by_thread() -> Current {
    let thread = thread();
    // SAFETY: the entry is this thread's own, and copied at once.
    let Some(kept) = (unsafe { PARKED_BY_THREAD.get(thread) }) else {
        return Current::default();
    };
    let current = *kept;
    let _absent = PARKED_BY_THREAD.remove(thread);
    current
}

#[inline(always)]
fn resume_by_task() -> Current {
    // SAFETY: the helper has no arguments.
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: the task is the current one.
    let Some(kept) = (unsafe { PARKED.get(task.cast()) }) else {
        return Current::default();
    };
    // SAFETY: a value of this task's own.
    let current = unsafe { *kept };
    // SAFETY: as above.
    unsafe { (*kept).entered_ns = 0 };
    current
}

fn thread() -> u32 {
    // SAFETY: the helper has no arguments.
    (unsafe { bpf_get_current_pid_tgid() }) as u32
}
