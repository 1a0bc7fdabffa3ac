//! What this host can do, found out by doing it.
//!
//! Every answer about a mechanism is a trial on a throw-away subject: kernel programs are loaded and
//! attached, one effect is observed, and it is observed to be gone. Trials run in a network namespace
//! of their own and in cgroups of their own, on a process that dies with its prober; a guard removes
//! the cgroup of a prober that is killed, and the next prober what even the guard has left. Nothing
//! outside is touched. A trial that could not be made says "unknown" and why; only the kernel's own
//! refusal says "unsupported".

mod acting;
mod answered;
mod attributed;
mod calls;
mod connections;
mod freeze;
mod guard;
mod host;
mod identity;
mod known;
mod limit;
mod needs;
mod obstacle;
mod packets;
mod privileges;
mod probe;
mod room;
mod signal;
mod sleeping;
mod stage;
mod store;
mod subject;
mod syscalls;
mod throttle;
mod verdict;
mod wire;

pub use host::{Cgroups, Fact, Host};
pub use identity::build_id;
pub use known::Known;
pub use needs::{Use, of_fault, uses};
pub use privileges::Privileges;
pub use probe::{probe, probe_all};

#[cfg(test)]
mod tests;

#[cfg(test)]
mod fuzz;
