//! By which of the kernel's functions a system call can be made to fail here.

use super::hooks;
use crate::fault::syscall::{Backend, Failing, Outcome, Returned, Syscall, Syscalls};
use crate::plan::decision::{Entry, Hook, Mechanism, Subject};
use crate::plan::inventory::{CapabilityState, Inventory};

/// The ways that a program in the kernel has, the best one first.
const WAYS: [(Backend, Entry, Mechanism); 4] = [
    (Backend::FmodRet, Entry::Return, Mechanism::SyscallReturn),
    (Backend::Kprobe, Entry::Override, Mechanism::SyscallOverride),
    (Backend::Security, Entry::Return, Mechanism::SecurityReturn),
    (Backend::Lsm, Entry::Lsm, Mechanism::SecurityLsm),
];

/// The places at which `syscall` can be made to return what is asked, or for each way why it cannot.
pub(super) fn of(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
) -> Result<(Mechanism, Vec<Hook>), Vec<String>> {
    let mut against = Vec::new();
    for (backend, entry, mechanism) in WAYS {
        if failing.backend.is_some_and(|wanted| wanted != backend) {
            continue;
        }
        let found = usable(inventory, mechanism)
            .and_then(|()| can_return(&failing.outcome, mechanism, syscall))
            .and_then(|()| hooks_of(inventory, failing, syscall, mechanism, entry));
        match found {
            Ok(hooks) => return Ok((mechanism, hooks)),
            Err(reason) => against.push(format!("{mechanism}: {reason}")),
        }
    }
    Err(against)
}

/// By what `syscall` can be made to fail with an error, or for each way why it cannot.
pub(super) fn with_an_error(
    inventory: &Inventory,
    syscall: Syscall,
) -> Result<Mechanism, Vec<String>> {
    let failing = Failing {
        syscalls: Syscalls::from(syscall),
        outcome: Outcome::Errors(Vec::new()),
        path: None,
        fd: None,
        size: None,
        backend: None,
    };
    of(inventory, &failing, syscall).map(|(mechanism, _)| mechanism)
}

pub(super) fn usable(inventory: &Inventory, mechanism: Mechanism) -> Result<(), String> {
    match inventory.capabilities.get(&mechanism) {
        Some(capability) if capability.state == CapabilityState::Supported => Ok(()),
        Some(capability) => Err(capability.reason.clone()),
        None => Err("it was not tried".to_owned()),
    }
}

fn can_return(asked: &Outcome, mechanism: Mechanism, syscall: Syscall) -> Result<(), String> {
    let Outcome::Returns(returned) = asked else {
        return Ok(());
    };
    let reason = match mechanism {
        Mechanism::SyscallOverride => return Ok(()),
        _ if *returned == Returned::Number(0) => "a result of 0 would let the call go on",
        Mechanism::SyscallReturn => return Ok(()),
        Mechanism::SecurityReturn if hooks::passes_results(syscall.name()) => return Ok(()),
        _only_refuses => "the call can fail there, not succeed",
    };
    Err(reason.to_owned())
}

fn hooks_of(
    inventory: &Inventory,
    failing: &Failing,
    syscall: Syscall,
    mechanism: Mechanism,
    entry: Entry,
) -> Result<Vec<Hook>, String> {
    let whole_call = matches!(
        mechanism,
        Mechanism::SyscallReturn | Mechanism::SyscallOverride
    );
    let functions = if whole_call {
        vec![of_call(inventory, syscall)?]
    } else {
        of_hooks(inventory, syscall, entry)?
    };
    let about_files = failing.path.is_some() || failing.fd.is_some();
    let hooks = functions.into_iter().map(|function| {
        let subject = match about_files {
            true if whole_call => Some(of_arguments(syscall)?),
            true => {
                Some(hooks::subject(&function).ok_or("which file it is about is not told there")?)
            }
            false => None,
        };
        Ok(Hook::Function {
            function,
            entry,
            count: count(failing, syscall),
            subject,
        })
    });
    hooks.collect()
}

/// Which argument says how many bytes, if that is asked.
fn count(failing: &Failing, syscall: Syscall) -> Option<u8> {
    let argument = if failing.size.is_some() {
        syscall.size()
    } else if failing.outcome == Outcome::Returns(Returned::Requested) {
        syscall.requested()
    } else {
        None
    };
    argument.and_then(|argument| u8::try_from(argument).ok())
}

fn of_arguments(syscall: Syscall) -> Result<Subject, String> {
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

fn of_call(inventory: &Inventory, syscall: Syscall) -> Result<String, String> {
    let renamed = RENAMED.iter().find(|(name, _)| *name == syscall.name());
    let name = renamed.map_or(syscall.name(), |(_, name)| name);
    let function = format!("__x64_sys_{name}");
    if inventory.functions.contains(&function) {
        Ok(function)
    } else {
        Err(format!("this kernel describes no function {function}"))
    }
}

/// Those of the call's security hooks that this kernel has.
fn of_hooks(inventory: &Inventory, syscall: Syscall, entry: Entry) -> Result<Vec<String>, String> {
    let all = hooks::of(syscall.name());
    if all.is_empty() {
        return Err("the call passes no security hook, or none just once".to_owned());
    }
    let is_there = |hook: &&&str| match hook.strip_prefix("security_") {
        Some(name) if entry == Entry::Lsm => {
            inventory.functions.contains(&format!("bpf_lsm_{name}"))
        }
        _ => inventory.functions.contains(**hook),
    };
    let there = all.iter().filter(is_there);
    let there: Vec<String> = there.map(|hook| (*hook).to_owned()).collect();
    if there.is_empty() {
        Err(format!("this kernel has no {}", all.join(" and no ")))
    } else {
        Ok(there)
    }
}
