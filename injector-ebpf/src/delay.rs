//! System calls that take longer: `syscall.delay` and what is made of it.
//!
//! Their callers sleep (`sleep`), after the call or before it. After: the end of the call's own function, or
//! the tracepoint that all calls pass, has the task lie down on its way back. Before: a security hook in
//! which programs may sleep; or the call is left for now, the task lies down on its way back, and the kernel
//! makes the call once more; or programs that may sleep, of which each lets one caller sleep at a time on
//! each processor, take turns.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![expect(
    clippy::inline_always,
    reason = "a call that LLVM leaves is checked by the verifier anew in every context"
)]

use core::ffi::c_void;

use injector_abi::sleep::RESTARTS;
use injector_abi::syscall::{register, subject};
use injector_ebpf::call::{self, bytes, descriptor};
use injector_ebpf::caller::{argument, concerned};
use injector_ebpf::foreign;
use injector_ebpf::judge::{Act, Way};
use injector_ebpf::outcome;
use injector_ebpf::patched;
use injector_ebpf::sleep;
use injector_ebpf::spin;
use injector_ebpf::task::{self, word};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// `sys_exit(struct pt_regs *regs, long ret)`, for one of the system calls.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/exit")]
extern "C" fn delay_exit(ctx: *mut c_void) -> i32 {
    // SAFETY: the first argument of the tracepoint.
    let registers = unsafe { *ctx.cast::<*const u64>() };
    if word(registers, register::ORIG_AX) != u64::from(patched::number()) {
        return 0;
    }
    made(ctx, registers);
    0
}

/// `fexit` on `long __x64_sys_NAME(const struct pt_regs *)`.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/return")]
extern "C" fn delay_return(ctx: *mut c_void) -> i32 {
    // SAFETY: the first argument of the function.
    made(ctx, unsafe { *ctx.cast::<*const u64>() });
    0
}

/// `fmod_ret` on `long __x64_sys_NAME(const struct pt_regs *)`.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/function")]
extern "C" fn delay_function(ctx: *mut c_void) -> i64 {
    let mask = concerned();
    if mask == 0 {
        return 0;
    }
    // SAFETY: the first argument of the function.
    let registers = unsafe { *ctx.cast::<*const u64>() };
    let stack = word(registers, register::SP);
    if foreign::is_foreign() || sleep::has_risen(stack) {
        return 0;
    }
    of_call(mask, registers).map_or(0, |act| sleep::before(act, stack))
}

/// `fentry` on the same function, where programs take turns.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/reserve")]
extern "C" fn delay_reserve(ctx: *mut c_void) -> i32 {
    let mask = concerned();
    if mask == 0 || foreign::is_foreign() {
        return 0;
    }
    // SAFETY: the first argument of the function.
    let registers = unsafe { *ctx.cast::<*const u64>() };
    if let Some(act) = of_call(mask, registers) {
        sleep::reserve(act);
    }
    0
}

/// `fmod_ret` there, several of them: one that is busy on this processor is not run.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/turn")]
extern "C" fn delay_turn(_ctx: *mut c_void) -> i64 {
    sleep::in_turn();
    0
}

/// `fexit` there: all of them were busy.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/forgo")]
extern "C" fn delay_forgo(_ctx: *mut c_void) -> i32 {
    sleep::forgo();
    0
}

/// `fmod_ret` on `int security_NAME(…)`.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/hook")]
extern "C" fn delay_hook(ctx: *mut c_void) -> i64 {
    let mask = concerned();
    if mask == 0 {
        return 0;
    }
    let stack = task::register(task::registers(), register::SP);
    let acts = at_hook(ctx, mask, Way::ToBed, || sleep::has_risen(stack));
    acts.map_or(0, |act| sleep::before(act, stack))
}

/// The same where nobody can sleep: the caller is kept busy for a moment.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/spin")]
extern "C" fn delay_spin(ctx: *mut c_void) -> i64 {
    let mask = concerned();
    if mask != 0
        && let Some(act) = at_hook(ctx, mask, Way::Here, || false)
    {
        spin::here(act);
    }
    0
}

/// The same as a program of the BPF LSM, which may sleep itself.
#[unsafe(no_mangle)]
#[unsafe(link_section = "lsm/hook")]
extern "C" fn delay_lsm(ctx: *mut c_void) -> i32 {
    let mask = concerned();
    if mask != 0
        && let Some(act) = at_hook(ctx, mask, Way::ToBed, || false)
    {
        sleep::here(act);
    }
    0
}

/// A call that has these registers has been made; its result comes second.
#[inline(always)]
fn made(ctx: *mut c_void, registers: *const u64) {
    let mask = concerned();
    if mask == 0 || foreign::is_foreign() {
        return;
    }
    // SAFETY: there are two arguments.
    let second = unsafe { ctx.cast::<i64>().add(1) };
    // SAFETY: as above.
    let result = unsafe { *second };
    if !RESTARTS.contains(&result)
        && let Some(act) = of_call(mask, registers)
    {
        sleep::after(act);
    }
}

/// The first fault that acts on the call which has these registers.
#[inline(always)]
fn of_call(mask: u64, registers: *const u64) -> Option<Act> {
    let register = |position| word(registers, position);
    outcome::acts(
        mask,
        || descriptor(register),
        || bytes(register),
        Way::ToBed,
    )
}

/// The first fault that acts on the call which has come to this hook, unless it has been here before.
#[inline(always)]
fn at_hook(ctx: *mut c_void, mask: u64, way: Way, before: impl FnOnce() -> bool) -> Option<Act> {
    let registers = task::registers();
    let register = |position| task::register(registers, position);
    let mask = foreign::by_number(mask, register);
    if mask == 0 || before() {
        return None;
    }
    let argument = |position| argument(ctx, position);
    let subject = || argument(patched::subject() & !subject::KIND);
    outcome::acts(mask, subject, || call::size(register, argument), way)
}
