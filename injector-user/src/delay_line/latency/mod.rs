//! How long a packet waits: the words and the order of netem, the distributions exact.
//!
//! netem mixes each random number with the one before to correlate latencies, which changes their
//! distribution. Here normal numbers are mixed, which stay normal, and each is then taken through the
//! distribution asked for: whatever the correlation, the latencies are distributed as asked.

mod sampler;

pub(super) use sampler::Sampler;

#[cfg(test)]
mod tests;
