//! Calls of processes that run already take longer, while their callers sleep in the kernel: in each of
//! the ways that this host has.

mod control;
mod disk;
mod effect;
mod endings;
mod every;
mod ring;
mod scene;
mod shell;
mod way;

pub(crate) use way::Way;
