//! How long tasks wait for a processor, and how long they are away from one.
//!
//! What a task has waited is told when it leaves the processor again: only then it is the current one, whose
//! class is quickly found.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![expect(
    clippy::inline_always,
    reason = "a call that LLVM leaves is checked by the verifier anew in every context"
)]

use core::ffi::c_void;

use aya_ebpf::bindings::task_struct;
use aya_ebpf::helpers::generated::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use injector_abi::trace::{UNOBSERVED, Waited, Waiting, item};
use injector_ebpf::trace::maps::WAITED;
use injector_ebpf::trace::rows::{self, End};
use injector_ebpf::trace::waiting;
use injector_ebpf::trace::{class, fields};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `sched_wakeup(struct task_struct *p)` and `sched_wakeup_new`.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/wakeup")]
extern "C" fn trace_wakeup(ctx: *mut c_void) -> i32 {
    let task = argument(ctx, 0);
    // SAFETY: the first argument of the tracepoint is a task.
    let left_ns = unsafe { waiting::of(task) }.map_or(0, |before| before.left_ns);
    let runnable = Waiting {
        left_ns,
        runnable_ns: now(),
    };
    // SAFETY: as above.
    unsafe { waiting::keep(task, runnable) };
    0
}

/// `sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next, …)`, with `prev` still
/// the current task.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/switch")]
extern "C" fn trace_wait(ctx: *mut c_void) -> i32 {
    let Some(waited) = WAITED.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: this CPU's own entry; nothing interrupts the programs that change it.
    let waited = unsafe { &mut *waited };
    let now = now();
    // SAFETY: the helper has no arguments.
    let is_idle = unsafe { bpf_get_current_pid_tgid() } == 0;
    if !is_idle {
        tell(*waited);
        let leaving = Waiting {
            left_ns: now,
            runnable_ns: if could_run(ctx) { now } else { 0 },
        };
        // SAFETY: the second argument of the tracepoint is a task.
        unsafe { waiting::keep(argument(ctx, 1), leaving) };
    }
    // SAFETY: so is the third.
    let next = unsafe { waiting::of(argument(ctx, 2)) }.unwrap_or_default();
    *waited = Waited {
        queued_ns: since(next.runnable_ns, now),
        away_ns: since(next.left_ns, now),
    };
    0
}

/// Whether the task that leaves could have gone on: it was preempted, or it runs still by its state.
#[inline(always)]
fn could_run(ctx: *mut c_void) -> bool {
    // SAFETY: the first argument of the tracepoint.
    let preempted = unsafe { *ctx.cast::<u64>() & 0xFF != 0 };
    preempted || fields::read::<u32>(argument(ctx, 1) as u64, |fields| fields.state) == Some(0)
}

/// Nanoseconds plus one; 0 if it is not known since when.
#[inline(always)]
fn since(then: u64, now: u64) -> u64 {
    if then == 0 || then > now {
        0
    } else {
        now - then + 1
    }
}

#[inline(always)]
fn tell(waited: Waited) {
    if waited.queued_ns | waited.away_ns == 0 {
        return;
    }
    let class = class::of_current();
    if class == UNOBSERVED {
        return;
    }
    if waited.queued_ns != 0 {
        rows::timed(
            class,
            item::RUN_QUEUE,
            waited.queued_ns - 1,
            End::returned(0),
        );
    }
    if waited.away_ns != 0 {
        rows::timed(class, item::OFF_CPU, waited.away_ns - 1, End::returned(0));
    }
}

#[inline(always)]
fn argument(ctx: *mut c_void, position: usize) -> *mut task_struct {
    let argument = ctx.cast::<*mut task_struct>().wrapping_add(position);
    // SAFETY: an argument of the tracepoint, of a type that the verifier knows.
    unsafe { *argument }
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper has no arguments.
    unsafe { bpf_ktime_get_ns() }
}
