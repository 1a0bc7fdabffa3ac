//! Faults of system calls: `syscall.error`, `syscall.delay`, and what others mean that are made of
//! calls which fail.
//!
//! Which calls fail is written as for strace's `-e inject=`; a test compares what both make of it.
//! What a call has among its arguments (a path, a descriptor, a number of bytes) decides which filters
//! it can have. Here nothing is known of how a kernel makes them fail.

mod call;
mod class;
mod delay;
mod failing;
mod outcome;
mod path;
mod set;
mod sizes;
mod table;

pub use call::{Amount, Syscall};
pub use class::Class;
pub use delay::{LONGEST, MOST_SPIN, Sleep};
pub use failing::{Backend, Failing, FdKind, Opens, Resource};
pub(super) use outcome::errors;
pub use outcome::{Crash, MAX_ERRORS, MAX_WEIGHT, Moment, Outcome, Returned, Share};
pub use path::PathFilter;
pub use set::Syscalls;
pub use sizes::Sizes;

#[cfg(test)]
mod tests;
