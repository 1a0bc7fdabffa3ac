//! Programs whose system calls no fault covers: 32-bit ones, and calls by `io_uring`.
//!
//! No library makes such calls in a test without `unsafe`, and a guest has no compiler: each is a few
//! instructions, assembled from the text beside this file (`as`, `as --32`).

mod code;
mod program;
mod twice;

pub use program::{Foreign, Manner};
pub use twice::{Maker, Twice};
