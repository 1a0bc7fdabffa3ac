//! The registers of a program that is about to make a system call: which one, and to be changed.

use core::ptr::write_volatile;

use aya_ebpf::bindings::pt_regs;
use aya_ebpf::helpers::generated::bpf_get_func_ip;
use injector_abi::syscall::IN_REGISTER;

use crate::patched;

/// The number of the call.
#[inline(always)]
pub fn number(register: impl Fn(usize) -> u64) -> u32 {
    let number = patched::number();
    if number < IN_REGISTER {
        return number;
    }
    // Each of them by itself: the verifier wants to see a constant.
    let number = match number - IN_REGISTER {
        0 => register(0),
        1 => register(1),
        2 => register(2),
        3 => register(3),
        4 => register(4),
        5 => register(5),
        6 => register(6),
        7 => register(7),
        8 => register(8),
        9 => register(9),
        11 => register(11),
        12 => register(12),
        13 => register(13),
        14 => register(14),
        _ => u64::from(u32::MAX),
    };
    number as u32
}

/// Goes on behind the call as if it had returned this.
///
/// # Safety
///
/// `ctx` is the context of the running program.
#[inline(always)]
pub unsafe fn leave_out(ctx: *mut pt_regs, value: i64) {
    // SAFETY: the context is valid for the run of the program.
    let at = unsafe { (*ctx).rip };
    // SAFETY: the context is the program's own. Another fault's program may have been here before us.
    if unsafe { bpf_get_func_ip(ctx.cast()) } != at {
        return;
    }
    // SAFETY: a field of the context.
    let result = unsafe { &raw mut (*ctx).rax };
    // SAFETY: as above, written whole.
    unsafe { write_volatile(result, value.cast_unsigned()) };
    // SAFETY: a field of the context.
    let next = unsafe { &raw mut (*ctx).rip };
    // SAFETY: as above, written whole.
    unsafe { write_volatile(next, at + u64::from(patched::skip())) };
}

/// Lets the call be made for this share of its bytes, in units of 2^-32, of one at least: of a call whose
/// third argument says how many.
///
/// # Safety
///
/// As for [`leave_out`].
#[inline(always)]
pub unsafe fn shorten(ctx: *mut pt_regs, share: u64) {
    // SAFETY: the context is valid for the run of the program.
    let asked = unsafe { (*ctx).rdx };
    if asked == 0 {
        return;
    }
    // As many as a call moves at most; more would not fit below.
    let less = ((asked.min(0x7FFF_F000) * share) >> 32).max(1);
    // SAFETY: a field of the context.
    let bytes = unsafe { &raw mut (*ctx).rdx };
    // SAFETY: as above, written whole.
    unsafe { write_volatile(bytes, less) };
}
