//! Faults of disks: `disk.error`, `disk.full`, `disk.readonly` and `disk.slow`.
//!
//! But for `disk.slow` by rates, which is a limit, they are told by what file systems store below a path, not by device: what a program has mapped into its
//! memory, and what the kernel writes back later, passes.

mod error;
mod full;
mod operation;
mod readonly;
mod slow;

pub use error::Failure;
pub use full::Full;
pub use operation::Operation;
pub use readonly::ReadOnly;
pub use slow::Slow;
