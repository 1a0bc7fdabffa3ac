//! System calls that fail on purpose: `syscall.error` and what is made of it.
//!
//! One text for every function, of four kinds: the function of one system call, which is not entered
//! (`fmod_ret`, or a probe that overrides it), a security hook that several system calls pass, which
//! tells by the caller's registers which one it is in, and the tracepoint that they pass when they have
//! been made. 0 lets the call go on; anything else is
//! what it returns. Results are 64 bits wide: of a narrower one the C library would see no error.
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

use core::ffi::c_void;

use aya_ebpf::bindings::pt_regs;
use aya_ebpf::helpers::generated::bpf_override_return;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use injector_abi::syscall::{register, subject};
use injector_ebpf::call::{self, bytes, descriptor};
use injector_ebpf::caller::{argument, concerned};
use injector_ebpf::foreign;
use injector_ebpf::instruction;
use injector_ebpf::judge::Way;
use injector_ebpf::outcome;
use injector_ebpf::patched;
use injector_ebpf::select;
use injector_ebpf::task::{self, word};

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
    outcome::result(mask, || descriptor(register), || bytes(register)).unwrap_or(0)
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
    if let Some(value) = outcome::result(mask, || descriptor(register), || bytes(register)) {
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

/// A probe at the instruction before the one by which a program of the target makes a call, both of
/// which are left out; or the call is made for fewer bytes. (Kernel 6.18: others refuse a program that
/// changes registers.)
#[unsafe(no_mangle)]
#[unsafe(link_section = "uprobe/instruction")]
extern "C" fn syscall_instruction(ctx: *mut pt_regs) -> i32 {
    // The same as the context's, of which the verifier lets nobody calculate an address.
    let registers = task::registers();
    let register = |position| task::register(registers, position);
    let number = instruction::number(register);
    // SAFETY: the context is this program's.
    let Some(probed) = (unsafe { instruction::probed(ctx) }) else {
        return 0;
    };
    match instead(ctx, number, register) {
        // SAFETY: as above.
        Some(value) => unsafe { instruction::leave_out(ctx, probed, value) },
        // SAFETY: as above.
        None => unsafe { instruction::step_over(ctx, probed, number) },
    }
    0
}

/// What the call returns without being made; nothing if it is to be made.
#[inline(always)]
fn instead(ctx: *mut pt_regs, number: u32, register: impl Fn(usize) -> u64 + Copy) -> Option<i64> {
    let mask = concerned() & select::of_syscall(number);
    if mask == 0 {
        return None;
    }
    let act = outcome::acts(mask, || descriptor(register), || bytes(register), Way::Here)?;
    outcome::strike(act);
    match outcome::share(act) {
        0 => outcome::of(act, || bytes(register)),
        share => {
            // SAFETY: the context is that of the running program.
            unsafe { instruction::shorten(ctx, share) };
            None
        }
    }
}

/// `sys_exit(struct pt_regs *regs, long ret)`, for one of the system calls. 32-bit code and its way in
/// have other numbers.
#[raw_tracepoint(tracepoint = "sys_exit")]
fn syscall_exit(ctx: RawTracePointContext) -> i32 {
    let registers: u64 = ctx.arg(0);
    let register = |position| task::read(registers + position as u64 * 8).unwrap_or(0);
    if register(register::ORIG_AX) != u64::from(patched::number()) {
        return 0;
    }
    let mask = concerned();
    if mask != 0
        && !foreign::is_foreign()
        && let Some(act) =
            outcome::acts(mask, || descriptor(register), || bytes(register), Way::Here)
    {
        outcome::strike(act);
    }
    0
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
    let register = |position| task::register(registers, position);
    mask = foreign::by_number(mask, register);
    if mask == 0 {
        return 0;
    }
    let argument = |position| argument(ctx, position);
    let subject = || argument(patched::subject() & !subject::KIND);
    outcome::result(mask, subject, || call::size(register, argument)).unwrap_or(0)
}
