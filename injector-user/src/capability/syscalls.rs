//! Trials of system calls that fail, by each way into the kernel's functions.

use injector_core::fault::Kind;
use injector_core::fault::syscall::Syscall;
use injector_core::plan::{Entry, Hook, Mechanism, Number, Select, Site};
use nix::errno::Errno;

use super::acting::{Acting, Order};
use super::obstacle::{Obstacle, not_seen};
use super::subject::Subject;
use super::wire::Request;
use crate::loader::{self, Kernel};
use crate::target;

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

/// One call of the subject.
pub(super) fn failing(way: Way, subject: &Subject, kernel: &mut Kernel) -> Result<(), Obstacle> {
    let call = Request::Getpgid;
    let Way {
        mechanism,
        entry,
        function,
    } = way;
    let hooks = vec![Hook::Function {
        function: function.to_owned(),
        entry,
        count: None,
        subject: None,
    }];
    fails(&order(mechanism, hooks, subject), call, subject, kernel)
}

/// The same at the instructions from which the subject, which runs our own program, makes the call.
pub(super) fn instructions(subject: &Subject, kernel: &mut Kernel) -> Result<(), Obstacle> {
    if !loader::probes_change_registers() {
        return Err(Obstacle::Lacking(
            "this kernel lets no program of a probe change registers, as it can from 6.18 on",
        ));
    }
    let at = |site| Hook::Instructions {
        site,
        processes: vec![subject.pid()],
        count: None,
        subject: None,
    };
    // Whether the kernel takes the program at all is known sooner than where the instructions are.
    let nowhere = vec![at(nowhere())];
    Acting::begin(kernel, &order(Mechanism::Uprobe, nowhere, subject))?.end();
    let sites = target::sites_of([subject.pid()]);
    let mut hooks = sites.into_iter();
    let hooks = hooks
        .by_ref()
        .filter(|site| site.number == Number::Call(NUMBER));
    let hooks: Vec<Hook> = hooks.map(at).collect();
    if hooks.is_empty() {
        return not_seen("our own program has no such call in it".to_owned());
    }
    let order = order(Mechanism::Uprobe, hooks, subject);
    fails(&order, Request::Getpgid, subject, kernel)
}

/// No instruction of any file.
fn nowhere() -> Site {
    Site {
        path: String::new(),
        device: 0,
        inode: 0,
        number: Number::Call(NUMBER),
        length: 0,
        offsets: Vec::new(),
    }
}

fn order(mechanism: Mechanism, hooks: Vec<Hook>, subject: &Subject) -> Order<'static> {
    Order {
        kind: Kind::SyscallError,
        mechanism,
        params: &[("syscalls", "getpgid"), ("errno", "EHOSTDOWN")],
        hooks,
        whom: whom(subject),
    }
}

/// The call fails while the fault acts, and neither before nor after, nor ours.
fn fails(
    order: &Order<'_>,
    call: Request,
    subject: &Subject,
    kernel: &mut Kernel,
) -> Result<(), Obstacle> {
    if let Err(errno) = subject.ask(call)? {
        return not_seen(format!("`getpgid` failed with {errno} by itself"));
    }
    let acting = Acting::begin(kernel, order)?;
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

/// A child of the subject, born after the fault was armed, that is killed when it has made its call.
pub(super) fn ended(subject: &Subject, kernel: &mut Kernel) -> Result<(), Obstacle> {
    let call = Request::GetpgidInChild;
    if let Err(errno) = subject.ask(call)? {
        return not_seen(format!("a child that calls fails with {errno} by itself"));
    }
    let syscall = Syscall::from_number(NUMBER);
    let order = Order {
        kind: Kind::ProcessCrash,
        mechanism: Mechanism::SyscallExit,
        params: &[("syscalls", "getpgid"), ("moment", "after")],
        hooks: Vec::from_iter(syscall.map(|syscall| Hook::Exit {
            syscall,
            sleeps: false,
            count: None,
            subject: None,
        })),
        whom: whom(subject),
    };
    let acting = Acting::begin(kernel, &order)?;
    match subject.ask(call)? {
        // It did not end by itself.
        Err(Errno::ECHILD) => {}
        Err(other) => return not_seen(format!("attached, and a child that called gave {other}")),
        Ok(_) => return not_seen("attached, and a child that called went on".to_owned()),
    }
    acting.end();
    match subject.ask(call)? {
        Ok(_) => Ok(()),
        Err(errno) => not_seen(format!("a child that called gave {errno} after the end")),
    }
}

fn whom(subject: &Subject) -> Select {
    Select {
        thread_groups: vec![subject.pid()],
        syscalls: vec![NUMBER],
        ..Select::default()
    }
}
