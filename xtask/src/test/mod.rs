//! `cargo xtask test`: sets the machine up and runs every ring this machine can run.
//!
//! A ring that could not run is never taken for one that passed: it is named with its reason, and
//! counts as a failure in CI.

mod counts;
mod rings;
mod run;

pub(crate) use counts::Counts;
pub(crate) use rings::Outcome;
pub(crate) use run::{Arguments, run};
