//! `temblor targets`: who is there, and which faults fit.

mod candidate;
mod fits;
mod verb;

pub(super) use verb::{Targets, run};
