//! Trials of system calls that fail, by each way into the kernel's functions.

use injector_core::fault::Kind;
use injector_core::plan::{Entry, Hook, Mechanism, Select};
use nix::errno::Errno;

use super::acting::{Acting, Order};
use super::obstacle::{Obstacle, not_seen};
use super::subject::Subject;
use super::wire::Request;
use crate::loader::Kernel;

/// What asking for one's own process group never meets.
const ERRNO: Errno = Errno::EHOSTDOWN;

/// `getpgid`, of which the kernel has both a function and a security hook.
const NUMBER: u16 = 121;

/// A function at which a call can be made to fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) mechanism: Mechanism,
    pub(super) entry: Entry,
    pub(super) function: &'static str,
}

/// One call of the subject, or of a child that it has after the fault was armed.
pub(super) fn failing(
    way: Way,
    call: Request,
    subject: &Subject,
    kernel: &mut Kernel,
) -> Result<(), Obstacle> {
    let Way {
        mechanism,
        entry,
        function,
    } = way;
    if let Err(errno) = subject.ask(call)? {
        return not_seen(format!("`getpgid` failed with {errno} by itself"));
    }
    let order = Order {
        kind: Kind::SyscallError,
        mechanism,
        params: &[("syscalls", "getpgid"), ("errno", "EHOSTDOWN")],
        hooks: vec![Hook::Function {
            function: function.to_owned(),
            entry,
            count: None,
            subject: None,
        }],
        whom: Select {
            thread_groups: vec![subject.pid()],
            syscalls: vec![NUMBER],
            ..Select::default()
        },
    };
    let acting = Acting::begin(kernel, &order)?;
    match subject.ask(call)? {
        Err(ERRNO) => {}
        Err(other) => return not_seen(format!("attached, and `getpgid` gave {other}")),
        Ok(_) => return not_seen("attached, and `getpgid` succeeded".to_owned()),
    }
    if let Err(errno) = nix::unistd::getpgid(Some(nix::unistd::getpid())) {
        return not_seen(format!("our own `getpgid` failed with {errno} meanwhile"));
    }
    acting.end();
    match subject.ask(call)? {
        Ok(_) => Ok(()),
        Err(errno) => not_seen(format!("`getpgid` failed with {errno} after the end")),
    }
}
