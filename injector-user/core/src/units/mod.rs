//! Quantities as people write them, with their unit, and as the kernel needs them.
//!
//! A bare number is never guessed at: it is refused with the spelling that was probably meant.

mod cpu;
mod duration;
mod percent;
mod probability;
mod size;
mod when;

pub use cpu::CpuShare;
pub use duration::{format_duration, nanoseconds, parse_duration};
pub use percent::Percent;
pub use probability::Probability;
pub use size::{BitRate, ByteSize};
pub use when::When;
