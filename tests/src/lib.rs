//! Harness of the test rings: real processes, cgroups and namespaces that clean up after themselves.

mod cgroup;
mod victim;
mod wait;

pub use cgroup::Cgroup;
pub use victim::Victim;
pub use wait::wait_until;
