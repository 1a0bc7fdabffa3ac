//! A guest's first file system, which is all it has: programs, the libraries of those that are not
//! ours, and modules of its kernel.
//!
//! It is made without privileges and without mounting anything. A tool that this machine does not
//! have is left out: tests that use it say so.

mod base;
mod cpio;
mod libraries;

pub(crate) use base::{base, for_guest};
pub(crate) use libraries::needed;
