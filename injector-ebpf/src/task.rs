//! The task in whose context a program runs.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use injector_abi::syscall::TaskFields;

use crate::maps::TASK_FIELDS;

/// The registers with which it entered the kernel, of a type that the verifier knows (kernel 5.15).
#[inline(always)]
#[must_use]
pub fn registers() -> *const u64 {
    // SAFETY: the helper has no arguments.
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: the task is the current one.
    let registers = unsafe { bpf_task_pt_regs(task) };
    registers as *const u64
}

/// `thread_info.status`; all ones, which is no 64-bit caller's, if it cannot be read.
#[inline(always)]
#[must_use]
pub fn status() -> u32 {
    field(|fields| fields.status)
}

/// `task_struct.flags`, as above.
#[inline(always)]
#[must_use]
pub fn flags() -> u32 {
    field(|fields| fields.flags)
}

/// Where its table of open files is.
#[inline(always)]
#[must_use]
pub fn files() -> Option<u64> {
    let fields = TASK_FIELDS.get(0)?;
    read(address(fields.files))
}

#[inline(always)]
fn field(which: impl FnOnce(&TaskFields) -> u32) -> u32 {
    let Some(fields) = TASK_FIELDS.get(0) else {
        return u32::MAX;
    };
    read(address(which(fields))).unwrap_or(u32::MAX)
}

#[inline(always)]
fn address(offset: u32) -> u64 {
    // SAFETY: the helper has no arguments.
    let task = unsafe { bpf_get_current_task_btf() } as u64;
    task + u64::from(offset)
}

/// What the kernel has at `address`; nothing if that cannot be read.
#[inline(always)]
#[must_use]
pub fn read<T>(address: u64) -> Option<T> {
    // SAFETY: the helper reads kernel memory safely, whatever the address.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}
