//! Where a system call is met that has been made: to end its caller, or to let it sleep.

use super::ways;
use crate::fault::syscall::{Backend, Failing, Outcome, Syscall};
use crate::plan::decision::{Entry, Hook, Mechanism, Subject};
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

/// The ways to let a caller sleep that has made its call, the best one first: where all calls pass, those of
/// everybody on the host cost more.
const SLEEPING: &[(Backend, Mechanism)] = &[
    (Backend::Fexit, Mechanism::SleepOnReturn),
    (Backend::SysExit, Mechanism::SleepAfter),
];
const ENDING: &[(Backend, Mechanism)] = &[(Backend::SysExit, Mechanism::SyscallExit)];

/// Whether calls are met there only when they have been made.
pub(super) fn is_after(backend: Backend) -> bool {
    SLEEPING.iter().any(|(after, _)| *after == backend)
}

/// Where `syscall` is met when it has been made, or for each way why it cannot.
pub(super) fn of(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
) -> Result<(Mechanism, Vec<Hook>), Vec<String>> {
    let ways = match failing.outcome {
        Outcome::Delays(_) => SLEEPING,
        _ => ENDING,
    };
    let mut against = Vec::new();
    for (backend, mechanism) in ways.iter().copied() {
        if failing.backend.is_some_and(|wanted| wanted != backend) {
            continue;
        }
        match at(inventory, failing, syscall, mechanism) {
            Ok(hook) => return Ok((mechanism, vec![hook])),
            Err(reason) => against.push(format!("{mechanism}: {reason}")),
        }
    }
    if let (Some(wanted), []) = (failing.backend, against.as_slice()) {
        against.push(format!(
            "{wanted}: nothing of that kind is done after a call"
        ));
    }
    Err(against)
}

fn at(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
    mechanism: Mechanism,
) -> Result<Hook, String> {
    inventory.usable(mechanism)?;
    let about_files = ways::is_about_files(failing);
    let subject = about_files.then(|| subject(syscall)).transpose()?;
    let count = ways::count(failing, syscall);
    if mechanism == Mechanism::SleepOnReturn {
        return Ok(Hook::Function {
            function: ways::of_call(inventory, syscall)?,
            entry: Entry::Exit,
            count,
            subject,
        });
    }
    Ok(Hook::Exit {
        syscall,
        sleeps: mechanism == Mechanism::SleepAfter,
        count,
        subject,
    })
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
