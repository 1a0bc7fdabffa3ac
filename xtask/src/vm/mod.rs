//! `cargo xtask vm`: real kernels in emulated machines, for tests that this machine's kernel cannot
//! answer.
//!
//! Guests have no network; they need no privileges and no KVM. What could not be run is
//! told by name and reason, never taken for passed; a guest that hangs is killed and shown.

mod bench;
mod command;
mod disk;
mod emulator;
mod golden;
mod groups;
mod guest;
mod initramfs;
mod kernels;
mod machines;
mod measure;
mod payload;
mod perform;
mod report;
mod ring;
mod software;
mod table;
mod transcript;
mod trouble;

pub(crate) use command::{Arguments, run};
pub(crate) use perform::perform;
pub(crate) use ring::ring;
