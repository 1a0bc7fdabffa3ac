//! Faults of system calls: `syscall.error`.
//!
//! Which calls fail is written as for strace's `-e inject=`; a test compares what both make of it.
//! What a call has among its arguments (a path, a descriptor, a number of bytes) decides which filters
//! it can have. Here nothing is known of how a kernel makes them fail.

mod call;
mod class;
mod failing;
mod outcome;
mod path;
mod set;
mod sizes;
mod table;

pub use call::Syscall;
pub use class::Class;
pub use failing::{Backend, Failing, FdKind};
pub use outcome::{MAX_ERRORS, MAX_WEIGHT, Outcome, Returned};
pub use path::PathFilter;
pub use set::Syscalls;
pub use sizes::Sizes;

#[cfg(test)]
mod tests;
