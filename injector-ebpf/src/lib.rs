//! Temblor's kernel programs: each binary of this package is one eBPF object, one per concern, so
//! that a kernel that refuses one still gets the rest.
//!
//! Every program filters, decides, acts, in that order, and fails open: a missing entry, a failed
//! helper, a stale lease or a thrown kill switch passes the event untouched. What is shared lies
//! here: `maps`, `select` (whom does this event concern?), `judge` (does the fault act?), `packet`.
#![no_std]
#![expect(unsafe_code, reason = "kernel memory, maps and helpers")]
#![expect(
    clippy::inline_always,
    reason = "a call that LLVM leaves is checked by the verifier anew in every context"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "helpers and contexts have wider types than what they carry"
)]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod answer;
pub mod atomic;
pub mod bed;
pub mod call;
pub mod caller;
mod cgroup;
pub mod chance;
pub mod checksum;
pub mod concern;
pub mod corrupt;
pub mod file;
mod flow;
pub mod foreign;
pub mod headers;
pub mod instruction;
pub mod judge;
pub mod kfunc;
pub mod lockout;
pub mod maps;
pub mod occasion;
pub mod outcome;
pub mod packet;
pub mod patched;
pub mod protected;
pub mod select;
pub mod skb;
pub mod sleep;
pub mod socket;
pub mod spin;
pub mod stages;
pub mod storage;
pub mod streams;
pub mod tally;
pub mod task;
pub mod trace;
pub mod verdict;

/// A panic cannot happen: the verifier would have to prove a loop without end to accept one.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
