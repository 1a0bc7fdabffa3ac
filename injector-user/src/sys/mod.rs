//! The only module of this package in which `unsafe` is allowed: system calls that no crate offers
//! safely, and memory shared between processes.
//!
//! Each function here is safe to call; what it needs to be sound is written at its unsafe block.

pub(crate) mod fd;
pub(crate) mod memory;
pub(crate) mod process;
