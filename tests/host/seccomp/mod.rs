//! System calls of a command that are answered through its filter.

mod crash;
mod delay;
mod endings;
mod filters;
mod presets;
mod results;
mod scene;
mod software;
mod strace;
