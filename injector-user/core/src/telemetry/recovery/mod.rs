//! When a fault was felt, and when what is natural came back.

mod follow;

pub use follow::{Breach, FaultTimes, Moment, Recovering, Recovery};

#[cfg(test)]
mod tests;
