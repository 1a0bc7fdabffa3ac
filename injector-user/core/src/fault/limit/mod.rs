//! Faults that narrow what a cgroup may use, by the kernel's own settings: `cpu.limit`, `memory.limit` and,
//! where rates are asked of it, `disk.slow`.
//!
//! A limit is put there and taken back, once or in pulses. A pulse is an event: `when` chooses pulses by
//! their number, `probability` is drawn once for each, and `max_hits` is how many there may be. What is
//! spared takes as long as what is not.

mod cpu;
mod disk;
mod kinds;
mod memory;

pub use cpu::Cpu;
pub use disk::{Disk, Rate};
pub use kinds::{Limit, Of};
pub use memory::{How, Memory};

#[cfg(test)]
mod tests;
