//! What the programs of a place are told of the system calls that they are for.

use injector_abi::syscall::{IN_REGISTER, count, register, subject};
use injector_core::fault::syscall::{Amount, Syscall};
use injector_core::plan::{Count, Hook, Number, Subject};

/// Where it is said how many bytes the call is about, as the programs know it.
pub(super) fn count_of(hook: &Hook) -> u32 {
    let (Hook::Function { count, .. }
    | Hook::Exit { count, .. }
    | Hook::Instructions { count, .. }) = hook
    else {
        return count::NONE;
    };
    match count {
        None => count::NONE,
        Some(Count::Call) => count::CALL,
        Some(Count::Argument(argument)) => count::REGISTER | position(*argument),
        // Of all calls that have pieces it is the second argument.
        Some(Count::Pieces(_)) => count::PIECES,
        Some(Count::Pages(argument)) => count::PAGES | u32::from(*argument),
    }
}

/// The same of the system call with this number.
pub(super) fn size_of(number: u16) -> u32 {
    let amount = Syscall::from_number(number).and_then(Syscall::size);
    match amount {
        None => count::NONE,
        Some(Amount::Bytes(argument)) => {
            u8::try_from(argument).map_or(count::NONE, |at| count::REGISTER | position(at))
        }
        Some(Amount::Pieces(_)) => count::PIECES,
    }
}

/// Which system call the programs of a place are for, 0 if no certain one, and how many bytes of
/// instructions make it.
pub(super) fn call_of(hook: &Hook) -> (u32, u32) {
    let site = match hook {
        Hook::Exit { syscall, .. } => return (u32::from(syscall.number()), 0),
        Hook::Instructions { site, .. } => site,
        _of_other_places => return (0, 0),
    };
    let number = match site.number {
        Number::Call(number) => u32::from(number),
        Number::Register(position) => IN_REGISTER | u32::from(position),
    };
    (number, u32::from(site.length))
}

/// What the call is about, as the programs know it.
pub(super) fn subject_of(hook: &Hook) -> u32 {
    let (Hook::Function { subject, .. }
    | Hook::Exit { subject, .. }
    | Hook::Instructions { subject, .. }) = hook
    else {
        return subject::NONE;
    };
    let Some(subject) = subject else {
        return subject::NONE;
    };
    match subject {
        Subject::Descriptor(argument) => subject::DESCRIPTOR | position(*argument),
        Subject::File(argument) => subject::FILE | u32::from(*argument),
        Subject::Dentry(argument) => subject::DENTRY | u32::from(*argument),
        Subject::Path(argument) => subject::PATH | u32::from(*argument),
        Subject::Writer(argument) => subject::WRITER | u32::from(*argument),
    }
}

/// Where the caller's registers hold an argument of a system call.
fn position(argument: u8) -> u32 {
    let registers = [
        register::DI,
        register::SI,
        register::DX,
        register::R10,
        register::R8,
        register::R9,
    ];
    let register = registers.get(usize::from(argument));
    let register = register.copied().unwrap_or_default();
    u32::try_from(register).unwrap_or_default()
}
