//! What a fault is, how it is asked for, and everything that can be wrong with the request.
//!
//! A fault is a flat list of named strings, the same as flags, as YAML and over the engine's
//! socket. [`schema`] is the one table of those names; [`parse()`] turns them into a [`FaultSpec`]
//! or into all that is wrong with them. To add a fault, give it a [`Kind`], a file here, an
//! [`Action`] and its rows in the table.

mod address;
mod calls;
mod choice;
mod common;
mod errno;
mod given;
mod kind;
mod least;
mod parse;
mod peer;
mod places;
mod pulses;
mod spec;

pub mod disk;
pub mod latency;
pub mod limit;
pub mod memory;
pub mod net;
pub mod pressure;
pub mod process;
pub mod schema;
pub mod sock;
pub mod syscall;

pub use address::{PortRange, Prefix};
pub use calls::CallFault;
pub use common::Common;
pub use errno::Errno;
pub use given::Given;
pub use kind::Kind;
pub use parse::parse;
pub use peer::{Peer, prefixes};
pub use places::{FAULT, Places};
pub use pulses::Pulses;
pub use spec::{Action, FaultSpec};

#[cfg(test)]
mod calls_tests;
#[cfg(test)]
mod tests;
