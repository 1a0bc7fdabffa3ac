//! The programs that a place needs, and what is written into them before they are loaded.

use injector_core::plan::{Attach, Entry, Hook, TURNS, Way};

use super::functions::{EXIT, Functions};
use super::hooks::{HookError, HookIndex};
use super::program::Role;
use super::shape::{call_of, count_of, subject_of};
use super::spares::Instance;

/// What is written into the programs of a place.
pub(super) fn instances(
    hook: &Hook,
    index: HookIndex,
    link_header: u32,
    thorough: bool,
) -> impl Iterator<Item = Instance> + use<> {
    let (count, subject) = (count_of(hook), subject_of(hook));
    let (number, skip) = call_of(hook);
    programs_of(hook)
        .into_iter()
        .map(move |(name, role)| Instance {
            index,
            name,
            role,
            link_header,
            thorough,
            function: 0,
            count,
            subject,
            number,
            skip,
        })
}

/// The number of the function that the programs of a place are for; 0 if they are for none.
pub(super) fn function_of(hook: &Hook) -> Result<u32, HookError> {
    let functions = || Functions::known().map_err(HookError::Functions);
    let (name, number) = match hook {
        Hook::Function {
            entry: Entry::Override,
            ..
        } => return Ok(0),
        Hook::Function {
            function, entry, ..
        } => {
            let name = lsm_name(function, *entry);
            let number = functions()?.number(&name);
            (name, number)
        }
        Hook::Exit { sleeps: true, .. } => (EXIT.to_owned(), functions()?.exit()),
        _attached_otherwise => return Ok(0),
    };
    number.ok_or(HookError::NoFunction(name))
}

/// Programs of the BPF LSM have functions of their own, which the security hooks call.
fn lsm_name(function: &str, entry: Entry) -> String {
    match (entry, function.strip_prefix("security_")) {
        (Entry::Lsm | Entry::LsmSleeping, Some(hook)) => format!("bpf_lsm_{hook}"),
        _ => function.to_owned(),
    }
}

/// Those that the kernel may refuse first.
fn in_turn() -> Vec<(&'static str, Role)> {
    let mut programs = vec![("delay_turn", Role::FunctionReturnSleeping); TURNS];
    programs.push(("delay_reserve", Role::FunctionEntry));
    // Whoever meets the first half done on the same processor, where programs are preempted, has another.
    programs.extend([("delay_forgo", Role::FunctionExit); 2]);
    programs
}

/// The programs that a place needs; addresses of both families have programs of their own.
fn programs_of(hook: &Hook) -> Vec<(&'static str, Role)> {
    match hook {
        Hook::Tcx { direction, .. } => vec![match direction {
            Way::Egress => ("net_egress", Role::InterfaceEgress),
            Way::Ingress => ("net_ingress", Role::InterfaceIngress),
        }],
        Hook::Sockets { .. } => vec![("sock_mark", Role::SocketCreate)],
        Hook::Cgroup { attach, .. } => match attach {
            Attach::Connect => {
                vec![
                    ("sock_connect4", Role::Connect4),
                    ("sock_connect6", Role::Connect6),
                ]
            }
            Attach::Bind => vec![("sock_bind4", Role::Bind4), ("sock_bind6", Role::Bind6)],
            Attach::Sendmsg => {
                vec![
                    ("sock_sendmsg4", Role::Sendmsg4),
                    ("sock_sendmsg6", Role::Sendmsg6),
                ]
            }
            Attach::Socket => vec![("sock_create", Role::SocketCreate)],
            Attach::Setsockopt => vec![("sock_setsockopt", Role::Setsockopt)],
            Attach::Getsockopt => vec![("sock_getsockopt", Role::Getsockopt)],
        },
        Hook::Function { entry, .. } => vec![match entry {
            Entry::Return if hook.is_security() => ("syscall_hook", Role::FunctionReturn),
            Entry::Return => ("syscall_function", Role::FunctionReturn),
            Entry::Override => ("syscall_override", Role::FunctionOverride),
            Entry::Lsm => ("syscall_lsm", Role::Lsm),
            Entry::Again if hook.is_security() => ("delay_hook", Role::FunctionReturn),
            Entry::Again => ("delay_function", Role::FunctionReturn),
            Entry::LsmSleeping => ("delay_lsm", Role::LsmSleeping),
            Entry::InTurn => return in_turn(),
            Entry::Spin => ("delay_spin", Role::FunctionReturn),
            Entry::Exit => ("delay_return", Role::FunctionExit),
        }],
        Hook::Instructions { .. } => vec![("syscall_instruction", Role::Instructions)],
        Hook::Exit { sleeps: true, .. } => vec![("delay_exit", Role::TypedTracepoint)],
        Hook::Exit { .. } => vec![("syscall_exit", Role::RawTracepoint)],
        // Neither the freezer nor signals, settings or workers have programs of ours, and a filter is none of
        // them.
        Hook::Freezer { .. }
        | Hook::Members { .. }
        | Hook::Family { .. }
        | Hook::Filter { .. }
        | Hook::Workers { .. }
        | Hook::Setting { .. } => Vec::new(),
    }
}
