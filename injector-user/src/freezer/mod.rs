//! Freezing and thawing cgroups.
//!
//! A cgroup is frozen only if it is not the root, if every process in it is a target and if nobody froze
//! it before. It is frozen in pulses, as [`crate::pulses`] says.

mod cgroup;
mod condition;
mod fault;

pub use cgroup::{Flavour, Freezer, State};
pub use fault::FreezerError;
