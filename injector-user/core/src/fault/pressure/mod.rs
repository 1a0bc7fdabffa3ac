//! Pressure: processor, memory and disk are used up by workers of our own, where the target is.
//!
//! What a packet is to a network fault, the pressure on one cgroup from its beginning to its end is
//! here: `probability` is drawn once for each cgroup of the target, and `max_hits` is how many of them
//! may suffer. There is no second one, so there is no `when`.

mod cpu;
mod disk;
mod fill;
mod memory;
mod path;
mod pressing;

pub use cpu::CpuStress;
pub use disk::{DiskStress, Operations};
pub use fill::{DiskFill, Until};
pub use memory::{Amount, MemoryStress, Pattern};
pub use path::Folder;
pub use pressing::Pressure;
