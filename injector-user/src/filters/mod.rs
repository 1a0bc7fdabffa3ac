//! Filters at interfaces, for kernels whose interfaces take no programs of their own accord (before 6.6).
//!
//! Such a filter is owned by no descriptor: it stays when its maker dies. So what is hung up there is a
//! stub, which does nothing but jump into an array of programs that the kernel empties when the engine's
//! descriptor of it goes: a fault ends with the engine, at once, as everywhere else. What stays is a filter
//! that passes every packet, and perhaps a qdisc to hang it at. Both are in the undo log and in the
//! keeper's charge before they are made, one entry for each network namespace. Somebody else's filters are
//! left alone, and so is a qdisc that was there before or that somebody else uses by now.

mod ground;
mod list;
mod sweep;

pub(crate) use ground::hang_at_own;
pub use ground::{FilterError, Ground, Guards};
pub(crate) use sweep::{sweep, sweep_namespace};
