//! Faults that are made of system calls which suffer.

use std::collections::{BTreeMap, BTreeSet};

use super::ways::{self, Whose};
use super::{callers, exit, filter};
use crate::fault::syscall::{Failing, Outcome, PathFilter, Syscall};
use crate::plan::decision::{Hook, Mechanism};
use crate::plan::files::Files;
use crate::plan::inventory::Inventory;
use crate::plan::make::Part;
use crate::plan::refusal::Refusal;
use crate::plan::resolve::{OF_PROCESSES, Processes, Target};

/// Names that a message lists before it says how many more there are.
const NAMED: usize = 8;

/// What probes at instructions do not see.
const BYPASSED: &str = "calls fail where the target's programs and libraries make them with their \
                        number just before: those made through syscall(2), by code of another shape \
                        such as Go's, or by what is mapped later pass; children are covered within a \
                        quarter of a second; calls that pass take some microseconds more";

/// As many as [`TURNS`] says.
const FEW_SLEEP: &str = "not more than 8 callers sleep at a time that were on the same processor when they \
                         made their calls; more of them are not delayed, and counted";

/// How many programs take turns at a function.
pub const TURNS: usize = 8;
const _: () = assert!(TURNS == 8, "FEW_SLEEP says so");

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
    let mut warnings = Vec::new();
    let Covered {
        hooks,
        mechanisms,
        numbers,
        left_out,
        partly,
    } = covered(inventory, processes, failing, &mut warnings)?;
    if mechanisms.contains(&Mechanism::Uprobe) {
        warnings.push(BYPASSED.to_owned());
    }
    if mechanisms.contains(&Mechanism::SleepInTurn) {
        warnings.push(FEW_SLEEP.to_owned());
    }
    warnings.insert(0, callers::foreign(&mechanisms).to_owned());
    let not_here = format!("cannot be {} here, and pass", failing.outcome.verb());
    warnings.extend(spared(&left_out, &not_here));
    let partly = partly.iter();
    warnings.extend(partly.filter_map(|(only, calls)| spared(calls, only)));
    check_exits(&hooks, exit::most(failing))?;
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

/// Each call that is met after it was made has a hook of its own.
fn check_exits(hooks: &BTreeSet<Hook>, most: usize) -> Result<(), Refusal> {
    let exits = hooks
        .iter()
        .filter(|hook| matches!(hook, Hook::Exit { .. }));
    if exits.count() <= most {
        return Ok(());
    }
    let count = hooks.len();
    let said = format!("{count} system calls are too many to be met after they were made");
    let hint = format!("name those that matter, at most {most}");
    Err(Refusal::input("syscalls", said).hint(hint))
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
    /// Those that were merely in a class, and cannot fail.
    left_out: BTreeSet<Syscall>,
    /// Calls by which of them fail, where not all do.
    partly: BTreeMap<&'static str, BTreeSet<Syscall>>,
}

/// Where each of the calls is met: by programs in the kernel, or else, if not all of them can, by a filter
/// of the command's own.
fn covered(
    inventory: &Inventory,
    processes: &Processes<'_>,
    failing: &Failing,
    warnings: &mut Vec<String>,
) -> Result<Covered, Refusal> {
    let (fitting, unfit) = failing.fitting();
    warnings.extend(spared(&unfit, "have no such argument"));
    let hook =
        filter::is_wanted(failing).then(|| filter::hook(inventory, processes, failing, &fitting));
    let unfiltered = match &hook {
        Some(Err(reason)) => Some(format!("{}: {reason}", Mechanism::Seccomp)),
        Some(Ok(_)) | None => None,
    };
    let in_kernel = in_kernel(inventory, processes, failing, &fitting, unfiltered);
    // A filter's caller uses no processor.
    let complete = in_kernel.as_ref().is_ok_and(|covered| {
        covered.left_out.is_empty() && !covered.mechanisms.contains(&Mechanism::SpinAtHook)
    });
    match (in_kernel, hook) {
        (_partly_or_not, Some(Ok(hook))) if !complete => {
            warnings.push(filter::STAYS.to_owned());
            if matches!(failing.outcome, Outcome::Short(_)) {
                warnings.push(filter::OF_FILES.to_owned());
            }
            let (met, unmet): (BTreeSet<Syscall>, BTreeSet<Syscall>) = fitting
                .iter()
                .copied()
                .partition(|call| filter::can_answer(failing, *call));
            Ok(Covered {
                hooks: BTreeSet::from([hook]),
                mechanisms: BTreeSet::from([Mechanism::Seccomp]),
                numbers: met.iter().map(|syscall| syscall.number()).collect(),
                left_out: unmet,
                ..Covered::default()
            })
        }
        (in_kernel, _) => in_kernel,
    }
}

/// Where programs in the kernel meet each of the calls. One that was named and cannot be met there is
/// an error; those that merely belong to a class are left out, and are what else is given.
fn in_kernel(
    inventory: &Inventory,
    processes: &Processes<'_>,
    failing: &Failing,
    fitting: &BTreeSet<Syscall>,
    unfiltered: Option<String>,
) -> Result<Covered, Refusal> {
    let mut covered = Covered::default();
    for syscall in fitting {
        match ways::of(inventory, failing, *syscall, Whose::Those(processes)) {
            Ok((mechanism, hooks)) => {
                covered.hooks.extend(hooks);
                covered.mechanisms.insert(mechanism);
                covered.numbers.insert(syscall.number());
                if let Some(only) = ways::only(mechanism, *syscall) {
                    covered.partly.entry(only).or_default().insert(*syscall);
                }
            }
            Err(mut against) if failing.syscalls.names(*syscall) || fitting.len() == 1 => {
                against.extend(unfiltered);
                return Err(refused(failing, *syscall, &against));
            }
            Err(_) => {
                covered.left_out.insert(*syscall);
            }
        }
    }
    if covered.hooks.is_empty() {
        return Err(none(failing, unfiltered));
    }
    Ok(covered)
}

fn none(failing: &Failing, unfiltered: Option<String>) -> Refusal {
    let reason = unfiltered.map_or_else(String::new, |reason| format!(" ({reason})"));
    Refusal::refused(
        "syscalls",
        format!(
            "none of these system calls can be {} on this host{reason}",
            failing.outcome.verb()
        ),
    )
    .hint("`temblor doctor` says why")
}

fn refused(failing: &Failing, syscall: Syscall, against: &[String]) -> Refusal {
    let reasons = if against.is_empty() {
        "no program in the kernel is wanted".to_owned()
    } else {
        against.join("; ")
    };
    Refusal::refused(
        "syscalls",
        format!(
            "`{syscall}` cannot be {} on this host ({reasons})",
            failing.outcome.verb()
        ),
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
