//! `temblor doctor`: what it says is so, it leaves nothing behind, and it asks the host once.

mod cache;
mod examine;
mod privilege;
mod remains;
mod truth;
mod works;

pub(crate) use examine::{doctor, examine, states};
