//! Whether a hit injects: the same arithmetic as the kernel programs', for replay and for tests.
//!
//! A decision depends on the fault's seed, on the stream (the thread group for calls, 0 where
//! there is none) and on the number of the hit within it, and on nothing else, so that what one
//! process suffers does not depend on how others are scheduled. The mixing is `SplitMix64`'s
//! (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).

mod draw;

pub use draw::{draw, injects};

#[cfg(test)]
mod tests;
