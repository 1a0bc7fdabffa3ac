//! Callers of whom cannot be told which system call they make: counted, and left alone.
//!
//! A 32-bit caller's numbers mean other calls; what `io_uring` does has no number of its own: in the caller's
//! context, on the way back from whatever call it has made, or on a thread that the kernel made for it.

use injector_abi::Select;
use injector_abi::syscall::{
    COMPAT, IO_URING_ENTER, KERNEL_THREAD, NOT_MADE_YET, NUMBERS, register,
};

use crate::maps::COUNTERS;
use crate::select::{self, Slots, only};
use crate::task;

/// Keeps the slots of `mask` that mean whichever call it is, or the one that the current task is in.
#[inline(always)]
pub fn by_syscall(select: &Select, mask: u64) -> u64 {
    let asking = mask & !select.any_syscall;
    if asking == 0 {
        return mask;
    }
    let registers = task::registers();
    let register = |position| task::register(registers, position);
    mask & select.any_syscall | by_number(asking, register)
}

/// Keeps the slots of `mask` that mean the call which the current task is in.
#[inline(always)]
pub fn by_number(mask: u64, register: impl Fn(usize) -> u64) -> u64 {
    let number = register(register::ORIG_AX);
    let made = register(register::AX).cast_signed() != NOT_MADE_YET;
    if number == u64::from(IO_URING_ENTER) || made || is_foreign() {
        count(mask);
        return 0;
    }
    if number >= u64::from(NUMBERS) {
        return 0;
    }
    mask & select::of_syscall(number as u32)
}

/// Whether the registers are no 64-bit caller's, or nobody's.
#[inline(always)]
#[must_use]
pub fn is_foreign() -> bool {
    task::status() & COMPAT != 0 || task::flags() & KERNEL_THREAD != 0
}

/// A function of its own with plain numbers: the verifier checks its loop once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn count(mask: u64) -> u64 {
    for slot in Slots::of(mask) {
        count_one(slot);
    }
    mask
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn count_one(slot: u64) -> u64 {
    if let Some(counters) = COUNTERS.get_ptr_mut(only(slot)) {
        // SAFETY: this CPU's own entry; programs of one CPU do not interrupt one another here.
        unsafe { (*counters).foreign += 1 };
    }
    slot
}
