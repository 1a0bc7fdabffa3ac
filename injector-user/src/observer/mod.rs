//! What targets feel, as the kernel tells it: one observer on a host, for all who ask.
//!
//! It has a thread and kernel programs of its own, apart from those of faults: what it does late makes no
//! fault late. Programs are attached while somebody asks, and for what is asked; the last who leaves takes
//! them along.

mod classes;
mod frames;
mod handle;
mod people;
mod resources;
mod restarts;
mod run;
mod totals;
mod wanted;

pub use handle::{Observer, Visit};
pub use people::UnknownTarget;
pub use run::ObserveError;
pub use wanted::Wanted;
