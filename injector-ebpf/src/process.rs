//! Processes: children inherit what their parent is a target of.
//!
//! Attached before the targets' snapshot is taken, so that no child slips through between.
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

use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use injector_ebpf::maps::BY_THREAD_GROUP;
use injector_ebpf::patched;

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
fn process_fork(ctx: RawTracePointContext) -> i32 {
    inherit(&ctx).unwrap_or(0)
}

#[inline(always)]
fn inherit(ctx: &RawTracePointContext) -> Option<i32> {
    let parent = tgid(ctx.arg(0))?;
    // SAFETY: the value is one word, read once.
    let mask = *unsafe { BY_THREAD_GROUP.get(parent) }?;
    let child = tgid(ctx.arg(1))?;
    if child != parent && mask != 0 {
        // A full table leaves the child out: user space counts the entries and says so.
        let _full = BY_THREAD_GROUP.insert(child, mask, 0);
    }
    Some(0)
}

#[inline(always)]
fn tgid(task: *const u32) -> Option<u32> {
    let field = task.wrapping_byte_add(patched::task_tgid_offset() as usize);
    // SAFETY: the helper reads kernel memory safely, whatever the address.
    unsafe { bpf_probe_read_kernel(field) }.ok()
}
