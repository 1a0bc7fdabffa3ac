//! System calls: how many, how long they take, how they fail, for every class.
//!
//! All calls of the host pass the two tracepoints while somebody observes. What is needed of the task is
//! found out at its first call after it came to the processor; who is not observed leaves at once.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![expect(
    clippy::inline_always,
    reason = "a call that LLVM leaves is checked by the verifier anew in every context"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "the macro that makes the program's entry passes the context by value"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "arguments have wider types than what they carry"
)]

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use injector_abi::trace::{CALLS, Current, UNDECIDED, UNOBSERVED};
use injector_ebpf::trace::class;
use injector_ebpf::trace::maps::CURRENT;
use injector_ebpf::trace::parked;
use injector_ebpf::trace::rows::{self, End};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `sys_enter(struct pt_regs *regs, long id)`.
#[raw_tracepoint(tracepoint = "sys_enter")]
fn trace_enter(ctx: RawTracePointContext) -> i32 {
    let Some(current) = CURRENT.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: this CPU's own entry; nothing interrupts the programs that change it.
    let current = unsafe { &mut *current };
    class::renew(current);
    if current.class == UNOBSERVED {
        return 0;
    }
    let number: *const u8 = ctx.arg(1);
    current.number = (number as u64 as u32).min(CALLS - 1);
    current.entered_ns = now();
    0
}

/// `sys_exit(struct pt_regs *regs, long ret)`.
#[raw_tracepoint(tracepoint = "sys_exit")]
fn trace_exit(ctx: RawTracePointContext) -> i32 {
    let Some(current) = CURRENT.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: as above.
    let current = unsafe { &mut *current };
    if current.class == UNOBSERVED {
        return 0;
    }
    let returned: *const u8 = ctx.arg(1);
    let returned = returned as i64;
    if current.entered_ns == 0 {
        return waited(returned);
    }
    ended(current, returned);
    current.entered_ns = 0;
    0
}

/// `sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next, …)`, with `prev` still
/// the current task.
#[raw_tracepoint(tracepoint = "sched_switch")]
fn trace_switch(_ctx: RawTracePointContext) -> i32 {
    let Some(current) = CURRENT.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: as above.
    let current = unsafe { &mut *current };
    if current.entered_ns != 0 {
        parked::park(*current);
        current.entered_ns = 0;
    }
    current.class = UNDECIDED;
    0
}

/// `cgroup_attach_task(…)`: who moves itself to another cgroup is of another class at once; who is moved by
/// somebody else, when it next comes to a processor.
#[raw_tracepoint(tracepoint = "cgroup_attach_task")]
fn trace_moved(_ctx: RawTracePointContext) -> i32 {
    if let Some(current) = CURRENT.get_ptr_mut(0) {
        // SAFETY: as above.
        unsafe { (*current).class = UNDECIDED };
    }
    0
}

/// A call ends on another turn at a processor than the one in which it began.
///
/// A function of its own: most calls do not wait.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn waited(returned: i64) -> i32 {
    let current = parked::resume();
    if current.entered_ns != 0 {
        ended(&current, returned);
    }
    0
}

/// Whoever made the call may have come into another class meanwhile, which counts it.
#[inline(always)]
fn ended(current: &Current, returned: i64) {
    let class = class::renewed(current.class, current.epoch);
    if class != UNOBSERVED {
        let ns = now().wrapping_sub(current.entered_ns);
        rows::timed(class, current.number, ns, End::of_call(returned));
    }
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper has no arguments.
    unsafe { bpf_ktime_get_ns() }
}
