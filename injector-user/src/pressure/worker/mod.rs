//! A crew's own side: a process that uses something up for as long as it may.

mod cpu;
mod disk;
mod fill;
mod life;
mod memory;
mod nameless;
mod random;
mod start;
mod threads;

pub use start::run;
