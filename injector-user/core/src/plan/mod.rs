//! From what a host has and what is asked to exactly what will be done.
//!
//! [`plan`] is pure: it reads an [`Inventory`] and nothing else, and the engine executes the
//! [`Plan`] it returns without choosing anything itself. What cannot be attributed to the target
//! is a [`Refusal`]; a plan never reaches further than its target.

mod candidates;
mod check;
mod choose;
mod conflict;
mod decision;
mod disks;
mod files;
mod freeze;
mod inventory;
mod limit;
mod make;
mod net;
mod observed;
mod pressure;
mod refusal;
mod render;
mod resolve;
mod signal;
mod sites;
mod sock;
mod supplies;
mod syscall;
mod throttle;
mod tighter;
mod whole;

pub use decision::{
    Attach, CgroupId, Chosen, Count, Entry, Hook, Mechanism, Place, Plan, Select, Subject, Task,
    Thing, Way, Who,
};
pub use disks::Disk;
pub use files::{FileId, Files};
pub use inventory::{
    ArmedFault, Capability, CapabilityState, Cgroup, Hierarchy, Interface, InterfaceKind,
    Inventory, Namespace, Process, ProtectedReason, Setting,
};
pub use make::{plan, plan_again};
pub use observed::{Observed, observed};
pub use refusal::{Refusal, RefusalClass};
pub use sites::{Number, Site};
pub use supplies::{FileSystem, Memory, Supplies};
pub use syscall::{Coverage, Delays, TURNS, coverage, delays, every_function};
pub use tighter::{MEMORY_HELD, settings};

#[cfg(test)]
mod call_tests;
#[cfg(test)]
mod choice_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod pressure_tests;
#[cfg(test)]
mod tests;
