//! By which of the kernel's functions a system call can be made to fail here.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{exit, hooks, sockets};
use crate::fault::latency::Latency;
use crate::fault::syscall::{
    Amount, Backend, Failing, MOST_SPIN, Moment, Outcome, Resource, Returned, Sleep, Syscall,
    Syscalls,
};
use crate::plan::decision::{Count, Entry, Hook, Mechanism, Subject};
use crate::plan::inventory::Inventory;
use crate::plan::resolve::Processes;
use crate::plan::sites::{Number, Site};
use crate::units::format_duration;

/// Whose calls they are, where a place is one of theirs only.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose<'a> {
    Anybody,
    Those(&'a Processes<'a>),
}

/// How a program in the kernel gets in the way of a call.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// At a function of the kernel.
    Function(Entry, Mechanism),
    /// At the hooks of a cgroup.
    Cgroup,
    /// Before the call, in the target's own program.
    Instructions,
}

/// The ways that a program in the kernel has to let a call fail, the best one first.
const WAYS: &[(Backend, Way)] = &[
    (
        Backend::FmodRet,
        Way::Function(Entry::Return, Mechanism::SyscallReturn),
    ),
    (
        Backend::Kprobe,
        Way::Function(Entry::Override, Mechanism::SyscallOverride),
    ),
    (
        Backend::Security,
        Way::Function(Entry::Return, Mechanism::SecurityReturn),
    ),
    (
        Backend::Lsm,
        Way::Function(Entry::Lsm, Mechanism::SecurityLsm),
    ),
    (Backend::Cgroup, Way::Cgroup),
    (Backend::Uprobe, Way::Instructions),
];

/// The same to let its caller sleep before the call is made.
const SLEEPING: &[(Backend, Way)] = &[
    (
        Backend::FmodRet,
        Way::Function(Entry::Again, Mechanism::SleepAtCall),
    ),
    (
        Backend::Lsm,
        Way::Function(Entry::LsmSleeping, Mechanism::SleepInLsm),
    ),
    (
        Backend::Security,
        Way::Function(Entry::Again, Mechanism::SleepAtHook),
    ),
    (
        Backend::FmodRetSleeping,
        Way::Function(Entry::InTurn, Mechanism::SleepInTurn),
    ),
    (
        Backend::Spin,
        Way::Function(Entry::Spin, Mechanism::SpinAtHook),
    ),
];

/// The places at which `syscall` can be made to return what is asked, or for each way why it cannot.
pub(super) fn of(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
    whose: Whose<'_>,
) -> Result<(Mechanism, Vec<Hook>), Vec<String>> {
    let moment = failing.outcome.moment();
    if moment == Some(Moment::After) {
        return exit::of(inventory, failing, syscall);
    }
    let ways = match failing.outcome {
        Outcome::Delays(_) => SLEEPING,
        _ => WAYS,
    };
    let may_be_after = moment.is_none() && failing.backend.is_none_or(exit::is_after);
    let mut against = Vec::new();
    if let Some(wanted) = failing.backend
        && wanted != Backend::Seccomp
        && !may_be_after
        && !ways.iter().any(|(backend, _)| *backend == wanted)
    {
        let when = if exit::is_after(wanted) {
            "it meets a call only after it was made"
        } else {
            "nothing of that kind is done there"
        };
        against.push(format!("{wanted}: {when}"));
    }
    for (backend, way) in ways.iter().copied() {
        if failing.backend.is_some_and(|wanted| wanted != backend) {
            continue;
        }
        let mechanism = match way {
            Way::Function(_entry, mechanism) => mechanism,
            Way::Cgroup => sockets::mechanism(syscall.name()).unwrap_or(Mechanism::CgroupSock),
            Way::Instructions => Mechanism::Uprobe,
        };
        let found = inventory
            .usable(mechanism)
            .and_then(|()| can_return(&failing.outcome, mechanism, syscall))
            .and_then(|()| knows(failing, mechanism, syscall))
            .and_then(|()| match way {
                Way::Function(entry, _) => hooks_of(inventory, failing, syscall, mechanism, entry),
                Way::Cgroup => sockets::hooks(inventory, failing, syscall.name(), whose),
                Way::Instructions => instructions(inventory, failing, syscall, whose),
            });
        match found {
            Ok(hooks) => return Ok((mechanism, hooks)),
            Err(reason) => against.push(format!("{mechanism}: {reason}")),
        }
    }
    if may_be_after {
        match exit::of(inventory, failing, syscall) {
            Ok(found) => return Ok(found),
            Err(reasons) => against.extend(reasons),
        }
    }
    Err(against)
}

/// Which of such calls fail by this mechanism, where not all do.
pub(super) fn only(mechanism: Mechanism, syscall: Syscall) -> Option<&'static str> {
    match mechanism {
        Mechanism::CgroupSock | Mechanism::CgroupOption => sockets::only(syscall.name()),
        _ => None,
    }
}

/// By what `syscall` can be made to fail with an error, or for each way why it cannot.
pub(super) fn with_an_error(
    inventory: &Inventory,
    syscall: Syscall,
) -> Result<Mechanism, Vec<String>> {
    let outcome = Outcome::Errors(Vec::new());
    let failing = Failing::of(Syscalls::from(syscall), outcome);
    of(inventory, &failing, syscall, Whose::Anybody).map(|(mechanism, _)| mechanism)
}

/// By what `syscall` can be made to take longer, or for each way why it cannot.
pub(super) fn with_a_delay(
    inventory: &Inventory,
    syscall: Syscall,
    moment: Moment,
) -> Result<Mechanism, Vec<String>> {
    let outcome = Outcome::Delays(Box::new(Sleep {
        latency: Latency::constant(Duration::from_secs(1)),
        cap: Duration::from_secs(1),
        moment: Some(moment),
    }));
    let failing = Failing::of(Syscalls::from(syscall), outcome);
    of(inventory, &failing, syscall, Whose::Anybody).map(|(mechanism, _)| mechanism)
}

/// Where the target's programs make the call. Those that tell its number only when they make it are
/// added if nothing is to be known of the call's arguments.
fn instructions(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
    whose: Whose<'_>,
) -> Result<Vec<Hook>, String> {
    let Whose::Those(processes) = whose else {
        return Err("it depends on the program and its libraries".to_owned());
    };
    let about_files = is_about_files(failing);
    let subject = about_files.then(|| of_arguments(syscall)).transpose()?;
    let count = count(failing, syscall);
    let is_plain = subject.is_none() && count.is_none();
    let number = Number::Call(syscall.number());
    let mut sites = inventory.sites.iter();
    if !sites.any(|site| site.number == number) {
        return Err("no process of the target has it in its program or a library".to_owned());
    }
    let fits = |site: &&Site| match site.number {
        Number::Register(_) => is_plain,
        call @ Number::Call(_) => call == number,
    };
    let hook = |site: &Site| Hook::Instructions {
        site: site.clone(),
        processes: processes.pids().into_iter().collect(),
        count,
        subject,
    };
    Ok(inventory.sites.iter().filter(fits).map(hook).collect())
}

fn can_return(asked: &Outcome, mechanism: Mechanism, syscall: Syscall) -> Result<(), String> {
    let returned = match asked {
        Outcome::Crashes(_) if is_of_cgroups(mechanism) => {
            return Err("no signal can be sent there".to_owned());
        }
        Outcome::Delays(sleep) if mechanism == Mechanism::SpinAtHook => return is_short(sleep),
        Outcome::Delays(_) => return can_be_made_again(mechanism, syscall),
        Outcome::Errors(_) | Outcome::Crashes(_) => return Ok(()),
        Outcome::Returns(returned) => returned,
        Outcome::Short(_)
            if mechanism == Mechanism::Uprobe && syscall.requested() == Some(Amount::Bytes(2)) =>
        {
            return Ok(());
        }
        Outcome::Short(_) => return Err("the call cannot be made in part there".to_owned()),
    };
    let reason = match mechanism {
        Mechanism::SyscallOverride | Mechanism::Uprobe => return Ok(()),
        _ if *returned == Returned::Number(0) => "a result of 0 would let the call go on",
        Mechanism::SyscallReturn => return Ok(()),
        Mechanism::SecurityReturn if hooks::passes_results(syscall.name()) => return Ok(()),
        _only_refuses => "the call can fail there, not succeed",
    };
    Err(reason.to_owned())
}

/// Whether a caller may be kept busy for so long.
fn is_short(sleep: &Sleep) -> Result<(), String> {
    if sleep.spin().is_none() {
        return Err(format!(
            "its caller would be kept busy, which is done for at most {}, without jitter",
            format_duration(MOST_SPIN)
        ));
    }
    Ok(())
}

/// Whether the call has done nothing yet where it is left, to be made once more.
fn can_be_made_again(mechanism: Mechanism, syscall: Syscall) -> Result<(), String> {
    if mechanism == Mechanism::SleepAtHook && !hooks::passes_results(syscall.name()) {
        return Err("only reading and writing can be left there and made once more".to_owned());
    }
    Ok(())
}

/// Whether it is known there what the call asks of the kernel.
fn knows(failing: &Failing, mechanism: Mechanism, syscall: Syscall) -> Result<(), String> {
    let whole_call = is_of_whole_calls(mechanism) || mechanism == Mechanism::Uprobe;
    match (failing.asks_for, mechanism) {
        (Some(Resource::Memory), Mechanism::SecurityReturn) => Ok(()),
        (Some(Resource::Memory), _) => Err(format!(
            "what asks for memory is known only at {}",
            hooks::OF_MEMORY
        )),
        (Some(_), mechanism) if is_of_cgroups(mechanism) => {
            Err("few of those that ask for it come by there".to_owned())
        }
        _ if whole_call && failing.opens.is_some() && hooks::opens(syscall) => {
            Err("what a file is opened for is known only later".to_owned())
        }
        _ => Ok(()),
    }
}

fn is_of_cgroups(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::CgroupSock | Mechanism::CgroupOption)
}

fn is_of_whole_calls(mechanism: Mechanism) -> bool {
    matches!(
        mechanism,
        Mechanism::SyscallReturn
            | Mechanism::SyscallOverride
            | Mechanism::SleepAtCall
            | Mechanism::SleepInTurn
    )
}

fn hooks_of(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
    mechanism: Mechanism,
    entry: Entry,
) -> Result<Vec<Hook>, String> {
    let whole_call = is_of_whole_calls(mechanism);
    let functions = if whole_call {
        vec![of_call(inventory, syscall)?]
    } else {
        of_hooks(inventory, failing, syscall, entry)?
    };
    let about_files = is_about_files(failing);
    let hooks = functions.into_iter().map(|function| {
        let subject = match about_files {
            true if whole_call => Some(of_arguments(syscall)?),
            true => Some(
                hooks::subject(failing, &function)
                    .ok_or("which file it is about is not told there")?,
            ),
            false => None,
        };
        Ok(Hook::Function {
            function,
            entry,
            count: if whole_call {
                count(failing, syscall)
            } else {
                of_several(failing)
            },
            subject,
        })
    });
    hooks.collect()
}

/// Whether it matters which file a call is about.
pub(super) fn is_about_files(failing: &Failing) -> bool {
    failing.path.is_some() || failing.fd.is_some() || failing.stored
}

/// Where it is said how many bytes the call is about, if that is asked.
pub(super) fn count(failing: &Failing, syscall: Syscall) -> Option<Count> {
    let amount = match failing.outcome {
        _ if is_about_bytes(failing) => syscall.size(),
        Outcome::Returns(Returned::Requested) | Outcome::Short(_) => syscall.requested(),
        _ => None,
    };
    match amount? {
        Amount::Bytes(argument) => u8::try_from(argument).ok().map(Count::Argument),
        Amount::Pieces(argument) => u8::try_from(argument).ok().map(Count::Pieces),
    }
}

/// The same of several calls that pass one hook.
fn of_several(failing: &Failing) -> Option<Count> {
    let returned = failing.outcome == Outcome::Returns(Returned::Requested);
    let asked = is_about_bytes(failing) || returned;
    asked.then_some(match failing.asks_for {
        Some(Resource::Memory) => Count::Pages(1),
        _ => Count::Call,
    })
}

fn is_about_bytes(failing: &Failing) -> bool {
    failing.size.is_some() || failing.room.is_some()
}

pub(super) fn of_arguments(syscall: Syscall) -> Result<Subject, String> {
    if syscall.paths().next().is_some() {
        return Err("a path is looked up only later".to_owned());
    }
    let descriptor = syscall.fds().next().and_then(|at| u8::try_from(at).ok());
    descriptor
        .map(Subject::Descriptor)
        .ok_or_else(|| "it is about no file".to_owned())
}

/// What the kernel calls those that have another name in it (`arch/x86/entry/syscalls/syscall_64.tbl`):
/// functions of their own names are there too, for older programs of 32 bits.
const RENAMED: [(&str, &str); 6] = [
    ("stat", "newstat"),
    ("lstat", "newlstat"),
    ("fstat", "newfstat"),
    ("sendfile", "sendfile64"),
    ("uname", "newuname"),
    ("umount2", "umount"),
];

/// The names of all functions that a plan may depend on, whether a kernel has them or not.
pub fn every_function() -> BTreeSet<String> {
    let calls = Syscall::every().map(function_of);
    calls.chain([hooks::OF_MEMORY.to_owned()]).collect()
}

fn function_of(syscall: Syscall) -> String {
    let renamed = RENAMED.iter().find(|(name, _)| *name == syscall.name());
    let name = renamed.map_or(syscall.name(), |(_, name)| name);
    format!("__x64_sys_{name}")
}

/// The call's own function.
pub(super) fn of_call(inventory: &Inventory, syscall: Syscall) -> Result<String, String> {
    let function = function_of(syscall);
    if inventory.functions.contains(&function) {
        Ok(function)
    } else {
        Err(format!("this kernel describes no function {function}"))
    }
}

/// Those of the call's security hooks that this kernel has.
fn of_hooks(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
    entry: Entry,
) -> Result<Vec<String>, String> {
    let all = hooks::asked(failing, syscall);
    if all.is_empty() {
        return Err("the call passes no security hook, or none just once".to_owned());
    }
    let sleeps = matches!(entry, Entry::LsmSleeping | Entry::Spin);
    let unlocked = all
        .iter()
        .filter(|hook| !sleeps || hooks::is_unlocked(hook));
    if unlocked.clone().count() == 0 {
        return Err("its caller holds a lock there that others wait for".to_owned());
    }
    let is_there = |hook: &&&str| match hook.strip_prefix("security_") {
        Some(name) if matches!(entry, Entry::Lsm | Entry::LsmSleeping) => {
            inventory.functions.contains(&format!("bpf_lsm_{name}"))
        }
        _ => inventory.functions.contains(**hook),
    };
    let there = unlocked.filter(is_there);
    let there: Vec<String> = there.map(|hook| (*hook).to_owned()).collect();
    if there.is_empty() {
        Err(format!("this kernel has no {}", all.join(" and no ")))
    } else {
        Ok(there)
    }
}
