//! Temblor's kernel programs: each binary of this package is one eBPF object, one per concern, so
//! that a kernel that refuses one still gets the rest.
//!
//! Every program filters, decides, acts, in that order, and fails open: a missing entry, a failed
//! helper, a stale lease or a thrown kill switch passes the event untouched. What is shared lies
//! here: `maps`, `select` (whom does this event concern?), `judge` (does the fault act?), `packet`.
#![no_std]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod atomic;
pub mod judge;
pub mod maps;
pub mod packet;
pub mod patched;
pub mod select;

/// A panic cannot happen: the verifier would have to prove a loop without end to accept one.
#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
