//! The only module of this package in which `unsafe` is allowed: system calls that no crate offers
//! safely, and memory shared with the kernel or between processes.
//!
//! Each function here is safe to call, does one thing and decides nothing; what it needs to be
//! sound is written at its unsafe block.

pub mod bpf;
pub(crate) mod descriptors;
pub(crate) mod exec;
pub mod fd;
pub(crate) mod memory;
pub mod netns;
pub(crate) mod pages;
pub mod pod;
pub mod poll;
pub mod probe;
pub(crate) mod process;
pub mod schedule;
pub mod seccomp;
pub mod storage;
pub mod traffic;
pub mod tun;
pub mod words;
