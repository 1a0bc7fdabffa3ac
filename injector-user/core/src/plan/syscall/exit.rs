//! Where a system call is met that has been made: to end its caller, or to let it sleep.

use super::ways;
use crate::fault::syscall::{Failing, Outcome, Syscall};
use crate::plan::decision::{Hook, Mechanism, Subject};
use crate::plan::inventory::Inventory;

/// More would tax every system call of the host by too much: each is a program of its own there.
const MOST: usize = 16;

/// The same where callers sleep there: as many as a slow disk needs.
const MOST_ASLEEP: usize = 24;

/// How many calls one fault may meet there.
pub(super) fn most(failing: &Failing) -> usize {
    match failing.outcome {
        Outcome::Delays(_) => MOST_ASLEEP,
        _ => MOST,
    }
}

/// The tracepoint that every system call passes, or why it does not do for this one.
pub(super) fn of(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
) -> Result<(Mechanism, Vec<Hook>), String> {
    let sleeps = matches!(failing.outcome, Outcome::Delays(_));
    let mechanism = if sleeps {
        Mechanism::SleepAfter
    } else {
        Mechanism::SyscallExit
    };
    let said = |reason: String| format!("{mechanism}: {reason}");
    if sleeps && failing.backend.is_some() {
        return Err(said(
            "the only way after a call has no other name".to_owned(),
        ));
    }
    inventory.usable(mechanism).map_err(said)?;
    let subject = if ways::is_about_files(failing) {
        Some(subject(syscall).map_err(said)?)
    } else {
        None
    };
    let hook = Hook::Exit {
        syscall,
        sleeps,
        count: ways::count(failing, syscall),
        subject,
    };
    Ok((mechanism, vec![hook]))
}

/// What is still known then of what the call was about.
fn subject(syscall: Syscall) -> Result<Subject, String> {
    if syscall.name() == "close" {
        return Err("a descriptor that was closed stands for nothing".to_owned());
    }
    if syscall.paths().next().is_some() {
        return Err("what a path has led to is not known any more".to_owned());
    }
    ways::of_arguments(syscall)
}
