//! Talking to the engine: connect, start it if nobody answers, ask, and end it if it does not listen.
//!
//! A [`Client`] is one connection. What was armed over it ends with it, so whoever holds faults keeps
//! their client. It never retries: an engine that went away has taken its faults along.

mod connection;
mod events;
mod fault;
mod faults;
mod names;
mod process;
mod ssh;
mod start;

pub use connection::Client;
pub use events::{EventFile, EventsError};
pub use fault::ClientError;
pub use faults::EngineFaults;
pub use names::resolve;
pub use process::{EngineProcess, KillError};
pub use ssh::connection_of_caller;
pub use start::{LOG, SOCKET, connect, connect_or_start};

#[cfg(test)]
mod tests;
