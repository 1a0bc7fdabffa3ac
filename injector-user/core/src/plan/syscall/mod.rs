//! Where the system calls of a target are made to fail, and whose they are.

mod callers;
mod error;
mod filter;
mod hooks;
mod matrix;
mod ways;

pub(super) use error::error;
pub use matrix::{Coverage, coverage};
