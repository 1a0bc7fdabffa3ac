//! Loading kernel programs and attaching them. Every attachment is a guard: dropping it detaches.
//!
//! Our own loader over `aya-obj`, because the ready-made one parses the kernel's whole BTF at start
//! (13 ms and 45 MiB against half a millisecond) and loads each program once, where we load one
//! text once for each place it is attached at.
//!
//! Safe order on stop: kill switch or mask first, then whatever waits, then detach.

mod ahead;
mod alive;
mod btf;
mod calls;
mod choosing;
mod deathwatch;
mod examples;
mod files;
mod functions;
mod hooks;
mod instances;
mod kernel;
mod kfuncs;
mod later;
mod maps;
mod masks;
mod net;
mod object;
mod older;
mod place;
mod program;
mod refit;
mod rows;
mod shape;
mod sleep;
mod slots;
mod sockets;
mod spares;
mod stub;
mod tally;
mod together;
mod trace;
mod whose;

#[cfg(test)]
mod fuzz;

pub use btf::{BtfError, TaskOffsets};
pub(crate) use calls::{asks_for_type, outcomes, share, types as file_types};
pub use examples::Injection;
pub use functions::Functions;
pub use hooks::HookError;
pub use kernel::{ArmedFault, Arming, Kernel, KernelError, TrackingError};
pub use maps::{Maps, MapsError, Tables};
pub use net::Return;
pub use object::{Object, ObjectError};
pub use older::{hooks_choose_errors, probes_change_registers};
pub use place::open_namespace;
pub use program::{Link, LinkError, Program, Role};
pub use rows::mapped;
pub use slots::Slot;
pub use sockets::SocketsError;
pub use tally::Tally;
pub(crate) use trace::add_counted;
pub use trace::{Counted, Lost, Seen, TraceError, Tracer, added};
