//! What is natural for a target: between what its rates, error ratios and latencies lie while nobody
//! does anything to it.

mod band;
mod compare;
mod sample;
mod take;
mod version;

pub use band::{Band, Failures};
pub use compare::Outside;
pub use sample::Statistic;
pub(super) use sample::{of_target, window_back};
pub use take::Baseline;

#[cfg(test)]
mod tests;
