//! The kernels that guests boot: distributions' own, and those that no distribution has.
//!
//! A kernel is unpacked below the target folder, never installed. One that cannot be had is told by
//! name and reason; it must never be taken for one that passed.

mod build;
mod compression;
mod debian;
mod image;
mod modules;
mod ready;
mod store;
mod table;

pub(crate) use build::build;
pub(crate) use ready::FOLDER;
pub(crate) use store::{Kernel, Store};
pub(crate) use table::{RELEASES, Release};
