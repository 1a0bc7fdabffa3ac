//! Processes that are observed by themselves: their children are, too, and who ends is forgotten.
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
use injector_ebpf::patched;
use injector_ebpf::task;
use injector_ebpf::trace::class;
use injector_ebpf::trace::maps::CLASS_BY_GROUP;

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
fn trace_fork(ctx: RawTracePointContext) -> i32 {
    inherit(&ctx).unwrap_or(0)
}

/// `sched_process_exit(struct task_struct *task, …)`, in the dying task.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
fn trace_leave(_ctx: RawTracePointContext) -> i32 {
    // SAFETY: the helper has no arguments.
    let current = unsafe { bpf_get_current_pid_tgid() };
    let (group, thread) = ((current >> 32) as u32, current as u32);
    if group == thread {
        let _absent = CLASS_BY_GROUP.remove(group);
    }
    0
}

#[inline(always)]
fn inherit(ctx: &RawTracePointContext) -> Option<i32> {
    let class = class::of_thread_group(group_of(ctx.arg(0))?)?;
    let child = group_of(ctx.arg(1))?;
    // A full table leaves the child out until the next look.
    let _full = CLASS_BY_GROUP.insert(child, class, 0);
    Some(0)
}

#[inline(always)]
fn group_of(task: *const u8) -> Option<u32> {
    task::read(task as u64 + u64::from(patched::task_tgid_offset()))
}
