//! What procfs and the cgroups' own files tell of targets: nothing is attached for it.

mod cgroups;
mod faults;
mod host;
mod look;
mod pressure;
mod words;

pub(super) use look::{Resources, Usage};
