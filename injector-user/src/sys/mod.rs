//! The only `unsafe` of this package: system calls that no crate wraps safely.
//!
//! Nothing here decides anything; every function does one call and names it in its error.

pub mod bpf;
pub mod clock;
pub mod netns;
pub mod pod;
pub mod schedule;
pub mod tun;
pub mod words;
