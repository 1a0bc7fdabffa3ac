//! What of a host a fault could leave behind, and what has changed of it.

mod difference;
mod host;
mod network;
mod programs;
mod settings;

pub use difference::Difference;
pub use host::HostSnapshot;
pub(crate) use programs::programs_of_ours;
