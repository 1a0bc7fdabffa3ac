//! System calls of a command that we start ourselves: by a filter that it is started with, which tells
//! the engine of them.
//!
//! It knows every call by its arguments before it is made, and can give any result. It costs a way to
//! the engine and back, for the calls that are meant, as long as the command lives.

use std::collections::BTreeSet;

use crate::fault::syscall::{Backend, Failing, Moment, Outcome, Resource, Syscall};
use crate::plan::decision::{Hook, Mechanism};
use crate::plan::inventory::{Hierarchy, Inventory};
use crate::plan::resolve::Processes;

/// What the user should know.
pub(super) const STAYS: &str = "the command keeps its filter when the fault has ended: until the \
                                command ends these calls take some microseconds more, and it is \
                                killed if Temblor's keeper is";

/// What the engine can make in part, on behalf of the command.
const IN_PART: [&str; 4] = ["read", "write", "pread64", "pwrite64"];

/// What the user should know of those.
pub(super) const OF_FILES: &str = "only transfers of regular files are made in part, by the engine; \
                                   if it dies in the middle of one, the command makes it once more";

/// Whom it is for.
const ONLY: &str = "only for a command that Temblor starts: `-- COMMAND`";

/// Whether the fault may be done in this way.
pub(super) fn is_wanted(failing: &Failing) -> bool {
    failing.outcome.moment() != Some(Moment::After)
        && failing
            .backend
            .is_none_or(|wanted| wanted == Backend::Seccomp)
}

/// Whether enough is known of a call before it is made: how much memory a fork will ask for is not.
pub(super) fn can_answer(failing: &Failing, syscall: Syscall) -> bool {
    let sized = syscall.size().is_some() || syscall.name() == "brk";
    failing.asks_for != Some(Resource::Memory) || failing.size.is_none() || sized
}

/// The place at which the command's calls are met, or why they are not.
pub(super) fn hook(
    inventory: &Inventory,
    processes: &Processes<'_>,
    failing: &Failing,
    calls: &BTreeSet<Syscall>,
) -> Result<Hook, String> {
    inventory.usable(Mechanism::Seccomp)?;
    let short = matches!(failing.outcome, Outcome::Short(_));
    let mut other = calls.iter().filter(|call| !IN_PART.contains(&call.name()));
    if let Some(call) = other.next().filter(|_| short) {
        return Err(format!("{call} cannot be made in part there"));
    }
    let command = inventory.command_cgroup.as_deref();
    let mut cgroups = processes.cgroups.iter();
    let cgroup = cgroups
        .find(|cgroup| cgroup.hierarchy == Hierarchy::V2 && Some(&*cgroup.path) == command)
        .ok_or(ONLY)?;
    Ok(Hook::Filter {
        path: cgroup.path.clone(),
        id: cgroup.id,
    })
}
