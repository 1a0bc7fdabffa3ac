//! `cargo xtask setup`: everything the build, the demo and the tests need, below the target folder.
//!
//! It never changes the system: packages are downloaded and unpacked beside the build's other
//! files, so it needs no root and `cargo clean` undoes all of it. It fails with the command to type
//! when a machine has neither `apt-get` nor a usable nightly.

mod apt;
mod chaostoolkit;
mod command;
mod linker;
mod packages;
mod sources;
mod toolchain;
mod tools;

pub(crate) use apt::{Apt, installed};
pub(crate) use command::{Arguments, prepare, run};
pub(crate) use packages::Purpose;
pub(crate) use sources::Archives;
