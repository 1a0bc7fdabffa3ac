//! Which faults a system call concerns by what it is about: the file, and how many bytes.

use injector_abi::Select;
use injector_abi::syscall::register;

use crate::file;
use crate::maps::CALLS;
use crate::patched;
use crate::select::Slots;

/// Keeps the slots of `mask` that ask nothing which the call does not have. `subject` is the argument
/// that [`patched::subject`] is about.
#[inline(always)]
pub fn by_contents(
    select: &Select,
    mut mask: u64,
    subject: impl FnOnce() -> u64,
    register: impl Fn(usize) -> u64,
) -> u64 {
    if mask & !select.any_size != 0 {
        mask &= select.any_size | of_size(mask, size(register));
    }
    if mask & !(select.any_file & select.any_path) == 0 {
        return mask;
    }
    let dentry = file::dentry(subject());
    if dentry == 0 {
        return mask & select.any_file & select.any_path;
    }
    if mask & !select.any_file != 0 {
        let named = file::kind(dentry).map_or(0, |kind| of_type(mask, kind));
        mask &= select.any_file | named;
    }
    if mask & !select.any_path != 0 {
        mask &= select.any_path | file::named(dentry);
    }
    mask
}

/// How many bytes the caller asks for, or offers.
#[inline(always)]
pub fn size(register: impl Fn(usize) -> u64) -> u64 {
    match patched::count() as usize {
        register::SI => register(register::SI),
        register::DX => register(register::DX),
        register::R10 => register(register::R10),
        register::R8 => register(register::R8),
        _ => 0,
    }
}

/// The slots of `mask` that mean so many bytes. A function of its own: the verifier checks it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_size(mask: u64, size: u64) -> u64 {
    let mut found = 0;
    for slot in Slots::of(mask) {
        let fits = CALLS
            .get(slot)
            .is_some_and(|calls| calls.least <= size && size <= calls.most);
        found |= u64::from(fits) << slot;
    }
    found
}

/// The slots of `mask` that mean files of this type.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_type(mask: u64, kind: u32) -> u64 {
    let mut found = 0;
    for slot in Slots::of(mask) {
        let fits = CALLS
            .get(slot)
            .is_some_and(|calls| calls.types >> (kind & 0xF) & 1 != 0);
        found |= u64::from(fits) << slot;
    }
    found
}
