//! `cargo xtask vm`: real kernels in emulated machines, for tests that this machine's kernel cannot
//! answer.
//!
//! Guests have no network and no disk; they need no privileges and no KVM. What could not be run is
//! told by name and reason, never taken for passed; a guest that hangs is killed and shown.

mod bench;
mod command;
mod emulator;
mod groups;
mod guest;
mod initramfs;
mod kernels;
mod machines;
mod payload;
mod report;
mod ring;
mod table;
mod transcript;
mod trouble;

pub(crate) use command::{Arguments, run};
pub(crate) use ring::ring;
