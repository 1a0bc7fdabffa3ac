//! The engine: the only privileged process and the only owner of kernel state on a host.
//!
//! One thread owns everything and handles one thing at a time: a request, a deadline, the end of a
//! freeze, the death of the keeper. It moves the faults' lease itself, so that a wedged engine stops
//! injecting. It has no network, no shell and no scripting, and goes away when nobody needs it.

mod arm;
mod capabilities;
mod clients;
mod commands;
mod connection;
mod connections;
mod dice;
mod ended;
mod events;
mod explain;
mod felt;
mod follow;
mod guard;
mod house;
mod intercept;
mod inventory;
mod lockout;
mod pressure;
mod pulse;
mod rehearse;
mod report;
mod running;
mod scope;
mod serve;
mod signal;
mod start;
mod state;
mod stop;
mod strangers;
mod trains;
mod watching;

pub use start::{Options, run};
