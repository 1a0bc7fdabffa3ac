//! Pressure by workers of our own: processor time, memory, room and the attention of disks are used up
//! where the target is.
//!
//! A crew is one process with as many threads as there are workers, so that one signal ends all of it at
//! once. It is this program, executed anew by the engine: a child of an engine with several threads may
//! not even allocate before it executes something. It does nothing until its engine has put it into the
//! target's cgroups, has written it down in the undo log and has given it into the keeper's charge; only
//! then it is told what to do.
//!
//! It ends in whichever of these ways comes first: the engine kills it; the engine dies, which closes the
//! socket between them (and the kernel signals it, too); the lease on the page they share has passed,
//! which the engine's main loop moves; its deadline; the keeper kills it, be it stopped or stuck; the
//! recovery of the undo log does. Whatever it holds belongs to descriptors and memory of its own, which
//! the kernel takes back.

mod crew;
mod fault;
mod folder;
mod home;
mod order;
mod pacemaker;
mod page;
mod place;
mod progress;
mod trial;
mod worker;

pub use crew::{Crew, CrewOrder, Custody, Ending};
pub use fault::PressureError;
pub(crate) use folder::open as open_folder;
pub use order::WORKER;
pub use pacemaker::Pacemaker;
pub use progress::Progress;
pub(crate) use trial::{Trial, TrialError, try_out};
pub use worker::run as work;
