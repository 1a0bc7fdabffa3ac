//! What a fault did, against what was asked of it.
//!
//! Counters come from the kernel, the felt effect from where the target feels it. Nothing here
//! measures; a proof that cannot be given is `None` and never a guess.

mod counters;
mod felt;
mod rate;

pub use counters::Counters;
pub use felt::Felt;
pub use rate::{Rate, interval};

#[cfg(test)]
mod tests;
