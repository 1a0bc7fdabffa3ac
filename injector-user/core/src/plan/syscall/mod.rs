//! Where the system calls of a target are made to fail, and whose they are.

mod callers;
mod error;
mod exit;
mod filter;
mod hooks;
mod matrix;
mod sockets;
mod ways;

pub use error::TURNS;
pub(super) use error::error;
pub use matrix::{Coverage, Delays, coverage, delays};
pub use ways::every_function;
