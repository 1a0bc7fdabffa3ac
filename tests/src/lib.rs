//! Harness of the test rings: real processes, cgroups and namespaces that clean up after themselves.

mod actor;
mod alone;
pub mod bench;
mod caller;
mod cgroup;
mod cli;
mod client;
mod commanded;
pub mod demo;
mod docker;
mod engine;
mod flow;
mod netns;
pub mod order;
mod snapshot;
mod tool;
mod victim;
mod wait;
mod world;

pub use actor::Actor;
pub use alone::{Alone, alone};
pub use caller::{Caller, Told};
pub use cgroup::Cgroup;
pub use cli::{Cli, Said, finish};
pub use client::{Armed, Client, params};
pub use commanded::Commanded;
pub use docker::Docker;
pub use engine::{Engine, is_running, signal, temblor_program};
pub use flow::{Arrival, Flow};
pub use netns::Netns;
pub use snapshot::{Difference, HostSnapshot};
pub use tool::{fed, tool, tool_if_any};
pub use victim::Victim;
pub(crate) use wait::tell;
pub use wait::wait_until;
pub use world::{Node, World};
