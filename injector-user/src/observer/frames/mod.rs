//! From what was counted to series with names.

mod block;
mod dns;
mod edges;
mod fill;
mod life;
mod resources;
mod scheduler;
mod syscalls;
mod tcp;

pub(super) use fill::{About, Presence, fill};
