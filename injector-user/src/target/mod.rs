//! What there is on this host: reads processes, cgroups, namespaces and interfaces for the planner.
//!
//! It only reads, and only what a selector needs; a process that vanishes while being read is not an
//! error. `command` is the exception: it starts a target of its own.

pub mod command;
mod hierarchy;
mod members;

pub use hierarchy::{Hierarchy, Mount, Mounts, ReadMounts, cgroup_of};
pub(crate) use members::has_vanished;
pub use members::{descendants, members};
