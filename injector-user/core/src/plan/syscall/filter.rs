//! System calls of a command that we start ourselves: by a filter that it is started with, which tells
//! the engine of them.
//!
//! It knows every call by its arguments before it is made, and can give any result. It costs a way to
//! the engine and back, for the calls that are meant, as long as the command lives.

use super::ways;
use crate::fault::syscall::{Backend, Failing};
use crate::plan::decision::{Hook, Mechanism};
use crate::plan::inventory::{Hierarchy, Inventory};
use crate::plan::resolve::Processes;

/// What the user should know.
pub(super) const STAYS: &str = "the command keeps its filter when the fault has ended: until the \
                                command ends these calls take some microseconds more, and it is \
                                killed if Temblor's keeper is";

/// Whom it is for.
const ONLY: &str = "only for a command that Temblor starts: `-- COMMAND`";

/// Whether the fault may be done in this way.
pub(super) fn is_wanted(failing: &Failing) -> bool {
    failing
        .backend
        .is_none_or(|wanted| wanted == Backend::Seccomp)
}

/// The place at which the command's calls are met, or why they are not.
pub(super) fn hook(inventory: &Inventory, processes: &Processes<'_>) -> Result<Hook, String> {
    let command = inventory.command_cgroup.as_deref();
    let mut cgroups = processes.cgroups.iter();
    let cgroup = cgroups
        .find(|cgroup| cgroup.hierarchy == Hierarchy::V2 && Some(&*cgroup.path) == command)
        .ok_or(ONLY)?;
    ways::usable(inventory, Mechanism::Seccomp)?;
    Ok(Hook::Filter {
        path: cgroup.path.clone(),
        id: cgroup.id,
    })
}
