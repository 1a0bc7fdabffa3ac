//! The pure core of Temblor: what a fault is, who may suffer it, and what was proved.
//!
//! It does no I/O, reads no clock, draws no global randomness and knows neither eBPF nor
//! Kubernetes; the same input gives the same output everywhere. It cannot fail for a reason that
//! is not in its input, and what is wrong with an input is returned as [`problem::Problem`]s.
#![forbid(unsafe_code)]

mod words;

pub mod convert;
pub mod decide;
pub mod document;
pub mod experiment;
pub mod fault;
pub mod journal;
pub mod logs;
pub mod plan;
pub mod problem;
pub mod proof;
pub mod report;
pub mod safety;
pub mod suggest;
pub mod target;
pub mod telemetry;
pub mod units;

#[cfg(test)]
mod tests;
