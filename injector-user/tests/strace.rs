//! What is written as for strace means here what it means there: the installed strace is asked.
//!
//! Each module says at its head where the two differ, and why; nothing else may. No privileges are
//! needed: strace traces a child of its own, a perl that makes system calls by number.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[cfg(test)]
#[path = "strace/asked.rs"]
mod asked;
#[cfg(test)]
#[path = "strace/sets.rs"]
mod sets;
#[cfg(test)]
#[path = "strace/values.rs"]
mod values;
#[cfg(test)]
#[path = "strace/when.rs"]
mod when;
