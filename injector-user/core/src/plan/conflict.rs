//! Two errors for one socket call, or two freezes or limits of one process, have no meaning together:
//! which of them acted could not be told. Packet faults compose: losses and corruptions throw dice of their
//! own, latencies add up, of two rates the lower one tells.

use super::decision::{Hook, Plan, Select, Who};
use super::inventory::ArmedFault;
use super::refusal::Refusal;

pub(super) fn check(armed: &[ArmedFault], plan: &Plan) -> Result<(), Refusal> {
    let conflicts = |fault: &&ArmedFault| {
        let mut pairs = plan.hooks.iter().flat_map(|hook| {
            let theirs = fault.hooks.iter();
            theirs.map(move |other| (hook, other))
        });
        fault.kind == plan.kind
            && pairs.any(|(hook, other)| {
                same_place(hook, other) && same_callers(plan, hook, fault, other)
            })
            && overlap(&plan.select, &fault.select)
    };
    let Some(fault) = armed.iter().find(conflicts) else {
        return Ok(());
    };
    let owner = fault.owner.as_deref().unwrap_or("somebody without a label");
    Err(Refusal::refused(
        "target",
        format!(
            "{} already acts there: fault {} of {owner}",
            fault.kind, fault.id
        ),
    )
    .hint(format!(
        "wait until it ends, or end it with `temblor stop {}`",
        fault.id
    )))
}

fn same_place(one: &Hook, other: &Hook) -> bool {
    match (one, other) {
        (
            Hook::Cgroup { path, attach, .. },
            Hook::Cgroup {
                path: other_path,
                attach: other_attach,
                ..
            },
        ) => attach == other_attach && nested(path, other_path),
        (
            Hook::Freezer { path, .. },
            Hook::Freezer {
                path: other_path, ..
            },
        ) => nested(path, other_path),
        (
            Hook::Setting {
                hierarchy,
                path,
                key,
                ..
            },
            Hook::Setting {
                hierarchy: other_hierarchy,
                path: other_path,
                key: other_key,
                ..
            },
        ) => hierarchy == other_hierarchy && key == other_key && nested(path, other_path),
        (
            Hook::Members { hierarchy, path },
            Hook::Members {
                hierarchy: other_hierarchy,
                path: other_path,
            },
        ) => hierarchy == other_hierarchy && nested(path, other_path),
        (Hook::Family { .. }, Hook::Family { .. }) => one == other,
        // By whichever way: the one that comes first wins.
        (
            Hook::Function { function, .. },
            Hook::Function {
                function: other_function,
                ..
            },
        ) => function == other_function,
        (Hook::Exit { syscall, .. }, Hook::Exit { syscall: other, .. }) => syscall == other,
        (
            Hook::Filter { path, .. },
            Hook::Filter {
                path: other_path, ..
            },
        ) => path == other_path,
        (Hook::Instructions { site, .. }, Hook::Instructions { site: other, .. }) => {
            site.meets(other)
        }
        // Packets; and workers, whose pressure adds up.
        _ => false,
    }
}

/// Whether some process may suffer both at two hooks of socket calls in nested cgroups.
///
/// A fault of processes stands at the cgroups they are in, whose other members pass it. So it meets
/// a fault of a whole cgroup only if one of the processes is in there, at its hook or since.
fn same_callers(plan: &Plan, hook: &Hook, fault: &ArmedFault, other: &Hook) -> bool {
    let (ours, armed) = (&plan.select.thread_groups, &fault.select.thread_groups);
    if let (Hook::Function { .. } | Hook::Exit { .. }, Hook::Function { .. } | Hook::Exit { .. })
    | (Hook::Instructions { .. }, Hook::Instructions { .. }) = (hook, other)
    {
        return match (&plan.select.cgroup, &fault.select.cgroup) {
            (Some(one), Some(other)) => nested(&one.path, &other.path),
            (Some(_), None) => plan.who.iter().any(|who| is_one(who, armed)),
            // Who is in a cgroup by now is not known here; the thread groups themselves are compared.
            (None, _) => true,
        };
    }
    let (Hook::Cgroup { path, .. }, Hook::Cgroup { path: theirs, .. }) = (hook, other) else {
        return true;
    };
    match (ours.is_empty(), armed.is_empty()) {
        (false, true) => below(theirs, path),
        (true, false) => below(path, theirs) || plan.who.iter().any(|who| is_one(who, armed)),
        // The thread groups themselves are compared with the other selectors.
        (true, true) | (false, false) => true,
    }
}

fn is_one(who: &Who, pids: &[i32]) -> bool {
    match who {
        Who::Process { pid, .. } => pids.contains(pid),
        Who::Interface { .. } => false,
    }
}

/// Whether one path is the other or lies below it.
fn nested(one: &str, other: &str) -> bool {
    below(one, other) || below(other, one)
}

/// Whether `lower` is `upper` or lies below it.
pub(super) fn below(upper: &str, lower: &str) -> bool {
    let rest = lower.strip_prefix(upper.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether some event could satisfy both.
fn overlap(one: &Select, other: &Select) -> bool {
    any_pair(&one.thread_groups, &other.thread_groups, |one, other| {
        one == other
    }) && any_pair(&one.peers, &other.peers, |one, other| one.overlaps(*other))
        && any_pair(&one.ports, &other.ports, |one, other| one.overlaps(*other))
        && any_pair(&one.syscalls, &other.syscalls, |one, other| one == other)
}

/// Whether some pair meets; an empty list is no restriction and meets everything.
fn any_pair<T>(one: &[T], other: &[T], meets: impl Fn(&T, &T) -> bool) -> bool {
    one.is_empty()
        || other.is_empty()
        || one
            .iter()
            .any(|one| other.iter().any(|other| meets(one, other)))
}
