//! The task in whose context a program runs.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_current_task_btf, bpf_task_pt_regs,
};
use injector_abi::lack::REGISTERS;
use injector_abi::syscall::TaskFields;

use crate::maps::TASK_FIELDS;
use crate::patched;

/// The registers with which it entered the kernel: of a type that the verifier knows, or where they lie
/// if the kernel does not tell.
#[inline(always)]
#[must_use]
pub fn registers() -> *const u64 {
    if patched::lack() & REGISTERS != 0 {
        return find_registers().unwrap_or(0) as *const u64;
    }
    // SAFETY: the helper has no arguments.
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: the task is the current one.
    let registers = unsafe { bpf_task_pt_regs(task) };
    registers as *const u64
}

#[inline(always)]
fn find_registers() -> Option<u64> {
    let fields = TASK_FIELDS.get(0)?;
    let stack: u64 = read(address(fields.stack))?;
    Some(stack + u64::from(fields.registers))
}

/// One of the registers that [`registers`] gave.
#[inline(always)]
#[must_use]
pub fn register(registers: *const u64, position: usize) -> u64 {
    if patched::lack() & REGISTERS != 0 {
        read(registers as u64 + position as u64 * 8).unwrap_or(0)
    } else {
        word(registers, position)
    }
}

/// One of several words that the verifier knows to be there.
#[inline(always)]
#[must_use]
pub fn word(words: *const u64, position: usize) -> u64 {
    let word = words.wrapping_add(position);
    // SAFETY: the verifier knows how many there are.
    unsafe { word.read_volatile() }
}

/// Where the kernel keeps its cgroup.
#[inline(always)]
#[must_use]
pub fn cgroup() -> Option<u64> {
    let fields = TASK_FIELDS.get(0)?;
    let sets: u64 = read(address(fields.cgroups))?;
    read(sets + u64::from(fields.cgroup))
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

/// Its thread group.
#[inline(always)]
#[must_use]
pub fn tgid() -> u32 {
    // SAFETY: the helper has no arguments.
    (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32
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
