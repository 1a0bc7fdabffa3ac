//! `syscall.error` where a program in the kernel does it.

mod call;
mod endings;
mod foreign;
mod matrix;
mod narrow;
mod probe;

pub(crate) use call::{DEADLINE, target};
