//! `syscall.error`.

use std::collections::BTreeSet;

use super::{callers, filter, ways};
use crate::fault::syscall::{Failing, PathFilter, Syscall};
use crate::plan::decision::{Hook, Mechanism};
use crate::plan::files::Files;
use crate::plan::inventory::Inventory;
use crate::plan::make::Part;
use crate::plan::refusal::Refusal;
use crate::plan::resolve::{OF_PROCESSES, Processes, Target};

/// Names that a message lists before it says how many more there are.
const NAMED: usize = 8;

pub(in crate::plan) fn error(
    inventory: &Inventory,
    target: &Target<'_>,
    failing: &Failing,
) -> Result<Part, Refusal> {
    let Target::Processes(processes) = target else {
        return Err(Refusal::input(
            "target",
            "system calls are made by processes, not by interfaces",
        )
        .hint(OF_PROCESSES));
    };
    let mut warnings = vec!["calls of 32-bit programs and by io_uring pass untouched".to_owned()];
    let Covered {
        hooks,
        mechanisms,
        numbers,
    } = covered(inventory, processes, failing, &mut warnings)?;
    let mut select = callers::select(processes, &mut warnings);
    select.syscalls = numbers.into_iter().collect();
    select.files = files(inventory, failing, &mut warnings)?;
    let mut mechanisms = mechanisms.into_iter();
    let Some(mechanism) = mechanisms.next() else {
        return Err(Refusal::input("syscalls", "no system call is meant").hint("name one"));
    };
    Ok(Part {
        mechanism,
        also: mechanisms.collect(),
        hooks: hooks.into_iter().collect(),
        select,
        warnings,
    })
}

/// The files that are meant, which must exist: those that come later are not known by their inodes.
fn files(
    inventory: &Inventory,
    failing: &Failing,
    warnings: &mut Vec<String>,
) -> Result<Option<Files>, Refusal> {
    let Some(path) = &failing.path else {
        return Ok(None);
    };
    let files = &inventory.files;
    if files.is_empty() {
        return Err(
            Refusal::input("path", format!("the target has no file {path}"))
                .hint("a file that exists, or a directory with a slash at its end"),
        );
    }
    if matches!(path, PathFilter::Like(_)) {
        warnings.push("files that are made later and fit the pattern pass untouched".to_owned());
    }
    Ok(Some(files.clone()))
}

#[derive(Debug, Default)]
struct Covered {
    hooks: BTreeSet<Hook>,
    mechanisms: BTreeSet<Mechanism>,
    numbers: BTreeSet<u16>,
}

/// Where each of the calls fails: by programs in the kernel, or else all of them by a filter of the
/// command's own.
fn covered(
    inventory: &Inventory,
    processes: &Processes<'_>,
    failing: &Failing,
    warnings: &mut Vec<String>,
) -> Result<Covered, Refusal> {
    let (fitting, unfit) = failing.fitting();
    warnings.extend(spared(&unfit, "have no such argument"));
    let hook = filter::is_wanted(failing).then(|| filter::hook(inventory, processes));
    let unfiltered = match &hook {
        Some(Err(reason)) => Some(format!("{}: {reason}", Mechanism::Seccomp)),
        Some(Ok(_)) | None => None,
    };
    match (
        in_kernel(inventory, failing, &fitting, unfiltered, warnings),
        hook,
    ) {
        (Err(_), Some(Ok(hook))) => {
            warnings.push(filter::STAYS.to_owned());
            Ok(Covered {
                hooks: BTreeSet::from([hook]),
                mechanisms: BTreeSet::from([Mechanism::Seccomp]),
                numbers: fitting.iter().map(|syscall| syscall.number()).collect(),
            })
        }
        (covered, _) => covered,
    }
}

/// Where programs in the kernel let each of the calls fail. One that was named and cannot fail there is
/// an error; one that merely belongs to a class is left out, and that is said.
fn in_kernel(
    inventory: &Inventory,
    failing: &Failing,
    fitting: &BTreeSet<Syscall>,
    unfiltered: Option<String>,
    warnings: &mut Vec<String>,
) -> Result<Covered, Refusal> {
    let mut covered = Covered::default();
    let mut left_out = BTreeSet::new();
    for syscall in fitting {
        match ways::of(inventory, failing, *syscall) {
            Ok((mechanism, hooks)) => {
                covered.hooks.extend(hooks);
                covered.mechanisms.insert(mechanism);
                covered.numbers.insert(syscall.number());
            }
            Err(mut against) if failing.syscalls.names(*syscall) || fitting.len() == 1 => {
                against.extend(unfiltered);
                return Err(refused(*syscall, &against));
            }
            Err(_) => {
                left_out.insert(*syscall);
            }
        }
    }
    if covered.hooks.is_empty() {
        return Err(none(unfiltered));
    }
    warnings.extend(spared(&left_out, "cannot be made to fail here, and pass"));
    Ok(covered)
}

fn none(unfiltered: Option<String>) -> Refusal {
    let reason = unfiltered.map_or_else(String::new, |reason| format!(" ({reason})"));
    Refusal::refused(
        "syscalls",
        format!("none of these system calls can be made to fail on this host{reason}"),
    )
    .hint("`temblor doctor` says why")
}

fn refused(syscall: Syscall, against: &[String]) -> Refusal {
    let reasons = if against.is_empty() {
        "no program in the kernel is wanted".to_owned()
    } else {
        against.join("; ")
    };
    Refusal::refused(
        "syscalls",
        format!("`{syscall}` cannot be made to fail on this host ({reasons})"),
    )
    .hint("`temblor doctor --matrix` says which system calls can")
}

fn spared(syscalls: &BTreeSet<Syscall>, why: &str) -> Option<String> {
    if syscalls.is_empty() {
        return None;
    }
    let names = syscalls.iter().take(NAMED).map(|syscall| syscall.name());
    let names: Vec<_> = names.collect();
    let more = match syscalls.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{}{more} {why}", names.join(", ")))
}
