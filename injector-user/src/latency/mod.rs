//! How long something waits: the words of netem, the distributions exact.
//!
//! netem mixes each random number with the one before to correlate latencies, which changes their
//! distribution. Here normal numbers are mixed, which stay normal, and each is then taken through the
//! distribution asked for: whatever the correlation, the latencies are distributed as asked.

mod latencies;
mod naps;

pub use latencies::Latencies;
#[cfg(test)]
pub(crate) use latencies::uniform;
pub use naps::Naps;
