//! The registers of a program that is about to make a system call: which one, and to be changed.

use core::ptr::write_volatile;

use aya_ebpf::bindings::pt_regs;
use aya_ebpf::helpers::generated::bpf_get_attach_cookie;
use injector_abi::syscall::{IN_REGISTER, PAGE};

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

/// How long `syscall` is.
const CALL: u64 = 2;

/// The address of the probed instruction; nothing if another fault's program has left the call out.
///
/// Each of the programs at an instruction finds the registers as the one before left them, and even what
/// the kernel says is the probe's address is the register's. But files are mapped by whole pages, and
/// where in the file the instruction is stands in the probe's cookie.
///
/// # Safety
///
/// `ctx` is the context of the running program.
#[inline(always)]
pub unsafe fn probed(ctx: *mut pt_regs) -> Option<u64> {
    // SAFETY: the caller vouches for the context.
    let offset = unsafe { bpf_get_attach_cookie(ctx.cast()) };
    // SAFETY: as above.
    let at = unsafe { (*ctx).rip };
    match at.wrapping_sub(offset) & (PAGE - 1) {
        0 => Some(at),
        stepped if stepped == u64::from(patched::skip()) - CALL => Some(at - stepped),
        _left_out => None,
    }
}

/// Goes on behind the call as if it had returned this.
///
/// # Safety
///
/// As for [`probed`].
#[inline(always)]
pub unsafe fn leave_out(ctx: *mut pt_regs, probed: u64, value: i64) {
    let behind = probed + u64::from(patched::skip());
    // SAFETY: the caller vouches for the context.
    unsafe { go_on(ctx, behind, value.cast_unsigned()) };
}

/// Does what the probed instruction does, which sets the call's number and nothing else. Otherwise it
/// would be single-stepped.
///
/// # Safety
///
/// As for [`probed`].
#[inline(always)]
pub unsafe fn step_over(ctx: *mut pt_regs, probed: u64, number: u32) {
    let call = probed + u64::from(patched::skip()) - CALL;
    // SAFETY: the caller vouches for the context.
    unsafe { go_on(ctx, call, number.into()) };
}

/// # Safety
///
/// As for [`probed`].
#[inline(always)]
unsafe fn go_on(ctx: *mut pt_regs, to: u64, rax: u64) {
    // SAFETY: a field of the context.
    let result = unsafe { &raw mut (*ctx).rax };
    // SAFETY: as above, written whole.
    unsafe { write_volatile(result, rax) };
    // SAFETY: a field of the context.
    let next = unsafe { &raw mut (*ctx).rip };
    // SAFETY: as above, written whole.
    unsafe { write_volatile(next, to) };
}

/// Lets the call be made for this share of its bytes, in units of 2^-32, of one at least: of a call whose
/// third argument says how many.
///
/// # Safety
///
/// As for [`probed`].
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
