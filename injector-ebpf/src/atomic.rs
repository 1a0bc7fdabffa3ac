//! Counting across CPUs: the BPF target declares no atomic read-modify-write operations to Rust.

/// Adds one to the word at `address` and gives what it was. Kernel 5.12 and later.
///
/// # Safety
///
/// `address` must be valid for reads and writes, aligned, and only ever changed atomically.
#[inline(always)]
pub unsafe fn fetch_add_one(address: *mut u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let mut value = 1;
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
        unsafe { AtomicU64::from_ptr(address) }.fetch_add(1, Ordering::Relaxed)
    }
}
