//! System calls of a command that are answered through its filter.

mod endings;
mod filters;
mod results;
mod scene;
mod strace;
