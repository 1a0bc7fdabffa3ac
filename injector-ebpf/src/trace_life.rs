//! Programs that are executed, and processes that end.
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
#![expect(clippy::cast_possible_truncation, reason = "two numbers share a word")]

use aya_ebpf::helpers::generated::bpf_get_current_pid_tgid;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use injector_abi::trace::{UNOBSERVED, item};
use injector_ebpf::trace::rows::{self, End};
use injector_ebpf::trace::{class, count, fields};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `sched_process_exec(struct task_struct *p, …)`, in that task.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
fn trace_exec(_ctx: RawTracePointContext) -> i32 {
    let class = class::of_current();
    if class != UNOBSERVED {
        rows::counted(class, item::EXEC, End::returned(0));
    }
    0
}

/// `sched_process_exit(struct task_struct *p, …)`, in the dying task.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
fn trace_end(ctx: RawTracePointContext) -> i32 {
    // SAFETY: the helper has no arguments.
    let current = unsafe { bpf_get_current_pid_tgid() };
    let (group, thread) = ((current >> 32) as u32, current as u32);
    let class = class::of_current();
    if group != thread || class == UNOBSERVED {
        return 0;
    }
    let task: *const u8 = ctx.arg(0);
    let how: u32 = fields::read(task as u64, |fields| fields.exit_code).unwrap_or(0);
    rows::counted(class, item::EXIT, End::returned(0));
    count::by(class, item::EXIT, how & 0xFFFF);
    if lacked_memory(task as u64) {
        rows::counted(class, item::OOM, End::returned(0));
    }
    0
}

/// Whether the kernel chose it to be killed for want of memory (`mark_oom_victim`).
#[inline(always)]
fn lacked_memory(task: u64) -> bool {
    let signals: Option<u64> = fields::read(task, |fields| fields.signals);
    let memory: Option<u64> =
        signals.and_then(|signals| fields::read(signals, |fields| fields.oom_memory));
    memory.is_some_and(|memory| memory != 0)
}
