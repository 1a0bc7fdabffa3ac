//! Faults of disks: `disk.error`, `disk.full` and `disk.readonly`.
//!
//! They are told by what file systems store below a path, not by device: what a program has mapped into its
//! memory, and what the kernel writes back later, passes.

mod error;
mod full;
mod readonly;

pub use error::{Failure, Operation};
pub use full::Full;
pub use readonly::ReadOnly;
