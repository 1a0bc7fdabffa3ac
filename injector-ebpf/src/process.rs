//! Processes: children inherit what their parent is a target of, and the engine's death is the end.
//!
//! Tracking is attached before the targets' snapshot is taken, so that no child slips through between.
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

use aya_ebpf::bindings::bpf_pidns_info;
use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::bpf_get_ns_current_pid_tgid;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use injector_abi::CONTROL_KILL;
use injector_ebpf::maps::{BY_THREAD_GROUP, CONTROL};
use injector_ebpf::patched;

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
fn process_fork(ctx: RawTracePointContext) -> i32 {
    inherit(&ctx).unwrap_or(0)
}

/// `sched_process_exit(struct task_struct *task, …)`: in the dying task, before its descriptors are
/// closed, which takes the kernel a grace period for each attachment.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
fn process_exit(_ctx: RawTracePointContext) -> i32 {
    if engine_dies()
        && let Some(kill) = CONTROL.get_ptr_mut(CONTROL_KILL)
    {
        // SAFETY: the array's entry lives as long as the program; a word is written whole.
        unsafe { kill.write_volatile(1) };
    }
    0
}

/// Whether this is the engine's main thread, which goes with the process and not before.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a structure of eight bytes"
)]
#[inline(always)]
fn engine_dies() -> bool {
    let mut current = bpf_pidns_info { pid: 0, tgid: 0 };
    let device = u64::from(patched::pid_namespace_device());
    let inode = u64::from(patched::pid_namespace_inode());
    let size = size_of::<bpf_pidns_info>() as u32;
    // SAFETY: `current` is a structure of that size; a task of another namespace is an error.
    let other = unsafe { bpf_get_ns_current_pid_tgid(device, inode, &raw mut current, size) };
    let engine = patched::engine_pid();
    other == 0 && current.pid == engine && current.tgid == engine
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
