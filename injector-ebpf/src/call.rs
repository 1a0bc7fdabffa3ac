//! Which faults a system call concerns by what it is about: the file, and how many bytes.

use aya_ebpf::helpers::bpf_probe_read_user;
use injector_abi::Select;
use injector_abi::syscall::{MOST_PIECES, PAGE, count, register, subject};

use crate::atomic::fetch_add;
use crate::file;
use crate::maps::{CALLS, SIZES};
use crate::patched;
use crate::select::{Slots, only};

/// Keeps the slots of `mask` that ask nothing which the call does not have. `subject` is the argument
/// that [`patched::subject`] is about, `size` how many bytes the call is about.
#[inline(always)]
pub fn by_contents(
    select: &Select,
    mut mask: u64,
    subject: impl FnOnce() -> u64,
    size: impl Fn() -> u64,
) -> u64 {
    if mask & !select.any_size != 0 {
        mask &= select.any_size | of_size(mask, size());
    }
    if mask & !(select.any_file & select.any_path) != 0 {
        mask = by_file(select, mask, file::dentry(subject()));
    }
    // Last: what is asked for here is asked for by calls that are meant.
    if mask & !select.any_room != 0 {
        mask &= select.any_room | without_room(mask & !select.any_room, size());
    }
    mask
}

#[inline(always)]
fn by_file(select: &Select, mut mask: u64, dentry: u64) -> u64 {
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

/// How many bytes the call is about, by the registers of its caller or the arguments of the hook.
#[inline(always)]
pub fn size(register: impl Fn(usize) -> u64, argument: impl Fn(u32) -> u64) -> u64 {
    let place = match patched::count() & count::KIND {
        count::CALL => {
            let number = register(register::ORIG_AX) as u32;
            SIZES.get(number).copied().unwrap_or(count::NONE)
        }
        _ => patched::count(),
    };
    let at = place & !count::KIND;
    match place & count::KIND {
        count::REGISTER => match at as usize {
            register::SI => register(register::SI),
            register::DX => register(register::DX),
            register::R10 => register(register::R10),
            register::R8 => register(register::R8),
            _ => 0,
        },
        count::PIECES => of_pieces(register(register::SI), register(register::DX)),
        count::PAGES => argument(at).wrapping_mul(PAGE),
        _ => 0,
    }
}

/// How many bytes the call is about, where that is in its caller's registers.
#[inline(always)]
pub fn bytes(register: impl Fn(usize) -> u64) -> u64 {
    size(register, |_argument| 0)
}

/// The descriptor that the call is about.
#[inline(always)]
pub fn descriptor(register: impl Fn(usize) -> u64) -> u64 {
    match (patched::subject() & !subject::KIND) as usize {
        register::SI => register(register::SI),
        register::DX => register(register::DX),
        register::R8 => register(register::R8),
        _ => register(register::DI),
    }
}

/// How many bytes the pieces of memory have together, of which `address` has a list.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_pieces(address: u64, pieces: u64) -> u64 {
    /// Of a `struct iovec`: an address and a length.
    const ENTRY: u64 = 16;
    let mut bytes: u64 = 0;
    for index in 0..u64::from(MOST_PIECES) {
        if index >= pieces {
            break;
        }
        let length = (address + index * ENTRY + 8) as *const u64;
        // SAFETY: the helper reads the caller's memory safely, whatever the address.
        bytes = bytes.saturating_add(unsafe { bpf_probe_read_user(length) }.unwrap_or(0));
    }
    bytes
}

/// The slots of `mask` that mean so many bytes. A function of its own, like all here: the verifier checks
/// it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_size(mask: u64, size: u64) -> u64 {
    let mut found = 0;
    for slot in Slots::of(mask) {
        found |= if_of_size(slot, size);
    }
    found
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn if_of_size(slot: u64, size: u64) -> u64 {
    let calls = CALLS.get(only(slot));
    let fits = calls.is_some_and(|calls| calls.least <= size && size <= calls.most);
    if fits { slot } else { 0 }
}

/// The slots of `mask` that mean files of this type.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_type(mask: u64, kind: u32) -> u64 {
    let mut found = 0;
    for slot in Slots::of(mask) {
        found |= if_of_type(slot, kind);
    }
    found
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn if_of_type(slot: u64, kind: u32) -> u64 {
    let calls = CALLS.get(only(slot));
    let fits = calls.is_some_and(|calls| calls.types >> (kind & 0xF) & 1 != 0);
    if fits { slot } else { 0 }
}

/// The slots of `mask` whose room so many bytes do not fit into any more.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn without_room(mask: u64, size: u64) -> u64 {
    let mut found = 0;
    for slot in Slots::of(mask) {
        found |= if_without_room(slot, size);
    }
    found
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn if_without_room(slot: u64, size: u64) -> u64 {
    let full = fills(only(slot), size).unwrap_or(false);
    if full { slot } else { 0 }
}

/// Whether so many bytes, at least one, do not fit any more. What once was too much stays so: a file
/// system that is full does not take a smaller piece.
#[inline(always)]
fn fills(slot: u32, size: u64) -> Option<bool> {
    let calls = CALLS.get_ptr_mut(slot)?;
    // SAFETY: a field of the array's entry.
    let used = unsafe { &raw mut (*calls).used };
    // SAFETY: nothing changes it otherwise.
    let used = unsafe { fetch_add(used, size) }?;
    // SAFETY: the array's entry lives as long as the program.
    let room = unsafe { (*calls).room };
    Some(used.saturating_add(size.max(1)) > room)
}
