//! System calls that fail on purpose: `syscall.error`.
//!
//! One text for every function, of three kinds: the function of one system call, which is not entered
//! (`fmod_ret`, or a probe that overrides it), and a security hook that several system calls pass,
//! which tells by the caller's registers which one it is in. 0 lets the call go on; anything else is
//! what it returns. Results are 64 bits wide: of a narrower one the C library would see no error.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![expect(
    clippy::inline_always,
    reason = "a call that LLVM leaves is checked by the verifier anew in every context"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "the kernel's context has wider types than what it carries"
)]

use core::ffi::c_void;

use aya_ebpf::bindings::pt_regs;
use aya_ebpf::helpers::generated::{bpf_get_current_pid_tgid, bpf_override_return};
use injector_abi::syscall::{COMPAT, KERNEL_THREAD, NUMBERS, register, subject};
use injector_ebpf::call;
use injector_ebpf::judge::{Way, first_to_act};
use injector_ebpf::maps::{ARMED, SELECT};
use injector_ebpf::occasion::Occasion;
use injector_ebpf::outcome;
use injector_ebpf::patched;
use injector_ebpf::select;
use injector_ebpf::task;

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `fmod_ret` on `long __x64_sys_NAME(const struct pt_regs *)`.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/function")]
extern "C" fn syscall_function(ctx: *mut c_void) -> i64 {
    let mask = concerned();
    if mask == 0 {
        return 0;
    }
    // SAFETY: the first argument of the function.
    let registers = unsafe { *ctx.cast::<*const u64>() };
    let register = |position| word(registers, position);
    result(mask, || descriptor(register), register).unwrap_or(0)
}

/// A probe at the same function, which makes it return.
#[unsafe(no_mangle)]
#[unsafe(link_section = "kprobe/function")]
extern "C" fn syscall_override(ctx: *mut pt_regs) -> i32 {
    let mask = concerned();
    if mask == 0 {
        return 0;
    }
    // SAFETY: the first argument of the function.
    let registers = unsafe { (*ctx).rdi };
    let register = |position| task::read(registers + position as u64 * 8).unwrap_or(0);
    if let Some(value) = result(mask, || descriptor(register), register) {
        // SAFETY: the context is the program's own.
        let _refused = unsafe { bpf_override_return(ctx, value.cast_unsigned()) };
    }
    0
}

/// `fmod_ret` on `int security_NAME(…)`.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/hook")]
extern "C" fn syscall_hook(ctx: *mut c_void) -> i64 {
    at_hook(ctx)
}

/// The same as a program of the BPF LSM, whose results the verifier wants to know to be in range.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lsm/hook")]
extern "C" fn syscall_lsm(ctx: *mut c_void) -> i64 {
    at_hook(ctx).clamp(-MAX_RESULT, 0)
}

/// Of the BPF LSM's programs.
const MAX_RESULT: i64 = 4095;

#[inline(always)]
fn at_hook(ctx: *mut c_void) -> i64 {
    let mut mask = concerned();
    if mask == 0 {
        return 0;
    }
    let registers = task::registers();
    let register = |position| word(registers, position);
    let number = register(register::ORIG_AX);
    mask &= select::of_syscall(number as u32);
    if number >= u64::from(NUMBERS) || mask == 0 || is_foreign() {
        return 0;
    }
    result(mask, || argument(ctx), register).unwrap_or(0)
}

/// Whether the registers are no 64-bit caller's, or nobody's.
#[inline(always)]
fn is_foreign() -> bool {
    task::status() & COMPAT != 0 || task::flags() & KERNEL_THREAD != 0
}

/// The slots whose fault is armed here and names the caller.
#[inline(always)]
fn concerned() -> u64 {
    let (Some(armed), Some(select)) = (ARMED.get(patched::hook()), SELECT.get(0)) else {
        return 0;
    };
    if armed.slots == 0 {
        return 0;
    }
    let mask = select::by_thread_group(select, armed.slots, tgid());
    select::by_current_cgroup(select, mask)
}

#[inline(always)]
fn tgid() -> u32 {
    // SAFETY: the helper has no arguments; these hooks run in the caller's context.
    (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32
}

/// The descriptor that the call is about.
#[inline(always)]
fn descriptor(register: impl Fn(usize) -> u64) -> u64 {
    match (patched::subject() & !subject::KIND) as usize {
        register::SI => register(register::SI),
        register::DX => register(register::DX),
        register::R8 => register(register::R8),
        _ => register(register::DI),
    }
}

/// The hook's argument that the call is about.
#[inline(always)]
fn argument(ctx: *mut c_void) -> u64 {
    let arguments = ctx.cast_const().cast();
    match patched::subject() & !subject::KIND {
        0 => word(arguments, 0),
        1 => word(arguments, 1),
        2 => word(arguments, 2),
        _ => 0,
    }
}

/// One of several words that the verifier knows to be there.
#[inline(always)]
fn word(words: *const u64, position: usize) -> u64 {
    // SAFETY: the verifier knows how many there are.
    let word = unsafe { words.add(position) };
    // SAFETY: as above.
    unsafe { word.read_volatile() }
}

/// What the call returns if one of the faults acts.
#[inline(always)]
fn result(
    mask: u64,
    subject: impl FnOnce() -> u64,
    register: impl Fn(usize) -> u64 + Copy,
) -> Option<i64> {
    let select = SELECT.get(0)?;
    let mask = call::by_contents(select, mask, subject, register);
    let act = first_to_act(mask, Occasion::exact(Some(tgid())), Way::Here)?;
    outcome::of(act, register)
}
