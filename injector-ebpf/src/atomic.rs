//! Counting across CPUs: the BPF target declares no atomic read-modify-write operations to Rust.
//!
//! Before 5.12 the kernel adds atomically and does not say what was there before. There the programs
//! take turns: a queue holds one token, taken and put back around an ordinary read and write. Nothing
//! preempts a program on those kernels, and packets have a token of their own, since they arrive while a
//! caller's program holds the other. Who waits in vain counts nothing, and its event passes.

use injector_abi::lack::{FETCH_FOR_CALLERS, FETCH_FOR_PACKETS};

use crate::maps::{CALLERS_TURN, PACKETS_TURN};
use crate::patched;

/// Adds one to the word at `address` and gives what it was; nothing if no turn came.
///
/// # Safety
///
/// As for [`fetch_add`].
#[inline(always)]
pub unsafe fn fetch_add_one(address: *mut u64) -> Option<u64> {
    // SAFETY: the caller vouches for the address.
    unsafe { fetch_add(address, 1) }
}

/// Adds `addend` to the word at `address`, around the end, and gives what it was; nothing if no turn came.
///
/// # Safety
///
/// `address` must be valid for reads and writes, aligned, and only ever changed by this.
#[inline(always)]
pub unsafe fn fetch_add(address: *mut u64, addend: u64) -> Option<u64> {
    if patched::lack() & (FETCH_FOR_CALLERS | FETCH_FOR_PACKETS) == 0 {
        // SAFETY: the caller vouches for the address.
        return Some(unsafe { fetch_add_at_once(address, addend) });
    }
    if take_turn() == 0 {
        return None;
    }
    // SAFETY: the caller vouches for the address.
    let before = unsafe { address.read_volatile() };
    // SAFETY: as above.
    unsafe { address.write_volatile(before.wrapping_add(addend)) };
    give_turn();
    Some(before)
}

/// Adds one to the word at `address`.
///
/// # Safety
///
/// As for [`fetch_add`].
#[inline(always)]
pub unsafe fn add_one(address: *mut u64) {
    // SAFETY: the caller vouches for the address.
    unsafe { add(address, 1) };
}

/// Adds to the word at `address`, around the end.
///
/// # Safety
///
/// As for [`fetch_add`].
#[inline(always)]
pub unsafe fn add(address: *mut u64, addend: u64) {
    #[cfg(target_arch = "bpf")]
    {
        // SAFETY: the caller vouches for the address.
        unsafe {
            core::arch::asm!(
                "lock *(u64 *)({address} + 0) += {addend}",
                address = in(reg) address,
                addend = in(reg) addend,
            );
        }
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        use core::sync::atomic::{AtomicU64, Ordering};
        // SAFETY: the caller vouches for the address.
        unsafe { AtomicU64::from_ptr(address) }.fetch_add(addend, Ordering::Relaxed);
    }
}

/// Sets bits of the word at `address` and gives what it was (5.12).
///
/// # Safety
///
/// As for [`fetch_add`].
#[inline(always)]
pub unsafe fn fetch_or(address: *mut u64, bits: u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let mut value = bits;
        // SAFETY: the caller vouches for the address.
        unsafe {
            core::arch::asm!(
                "{value} = atomic_fetch_or((u64 *)({address} + 0), {value})",
                value = inout(reg) value,
                address = in(reg) address,
            );
        }
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        use core::sync::atomic::{AtomicU64, Ordering};
        // SAFETY: the caller vouches for the address.
        unsafe { AtomicU64::from_ptr(address) }.fetch_or(bits, Ordering::Relaxed)
    }
}

#[inline(always)]
unsafe fn fetch_add_at_once(address: *mut u64, addend: u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let mut value = addend;
        // SAFETY: the caller vouches for the address.
        unsafe {
            core::arch::asm!(
                "{value} = atomic_fetch_add((u64 *)({address} + 0), {value})",
                value = inout(reg) value,
                address = in(reg) address,
            );
        }
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        use core::sync::atomic::{AtomicU64, Ordering};
        // SAFETY: the caller vouches for the address.
        unsafe { AtomicU64::from_ptr(address) }.fetch_add(addend, Ordering::Relaxed)
    }
}

/// Longer than all processors of a large machine need for one turn each; the verifier makes every one.
const TRIES: u32 = 512;

const TOKEN: u32 = 1;

/// 1 once the token is ours. A function of its own with plain numbers: the verifier checks its loop once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn take_turn() -> u64 {
    if patched::lack() & (FETCH_FOR_CALLERS | FETCH_FOR_PACKETS) == 0 {
        return 0;
    }
    for _ in 0..TRIES {
        let taken = if patched::lack() & FETCH_FOR_PACKETS == 0 {
            CALLERS_TURN.pop()
        } else {
            PACKETS_TURN.pop()
        };
        if let Ok(Some(_token)) = taken {
            return 1;
        }
    }
    0
}

#[inline(always)]
fn give_turn() {
    // There is room, as nobody else puts anything in.
    let _given = if patched::lack() & FETCH_FOR_PACKETS == 0 {
        CALLERS_TURN.push(TOKEN, 0)
    } else {
        PACKETS_TURN.push(TOKEN, 0)
    };
}
