//! `syscall.error` where a program in the kernel does it.

mod call;
mod endings;
mod matrix;
mod narrow;
