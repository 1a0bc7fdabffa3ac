//! Freezing and thawing cgroups, in pulses.
//!
//! A freeze is owned by no descriptor: nothing in the kernel thaws a cgroup when its freezer dies.
//! So each freeze is in the undo log and in the keeper's charge before it begins, and its loop moves
//! a lease of its own while the cgroup is frozen. A cgroup is frozen only if it is not the root, if
//! every process in it is a target and if nobody froze it before.

mod cgroup;
mod fault;
mod pulses;
mod run;

pub use cgroup::{Flavour, Freezer, State};
pub use fault::FreezerError;
pub use pulses::{
    Decision, Ending, Freeze, NotUndone, Progress, PulseError, Pulses, Reason, Train,
};
