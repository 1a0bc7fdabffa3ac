//! Trials of socket calls: they fail with an errno that they never fail with by themselves.

use injector_core::fault::Kind;
use injector_core::plan::{Attach, Hook, Mechanism, Select};
use nix::errno::Errno;

use super::acting::{Acting, Order};
use super::obstacle::{Obstacle, not_seen};
use super::room::Room;
use super::subject::Subject;
use super::wire::Request;
use crate::loader::{self, Kernel, KernelError};

/// What a UDP socket of the loopback interface never meets.
const ERRNO: Errno = Errno::EHOSTDOWN;

/// Nobody listens there, which connecting a UDP socket does not find out.
const PORT: u16 = 9;

/// What each of those calls passes.
const OPERATIONS: [Attach; 4] = [
    Attach::Connect,
    Attach::Bind,
    Attach::Sendmsg,
    Attach::Socket,
];

/// Each of the calls that can fail, of a process in the cgroup.
pub(super) fn cgroup_sock(
    room: &Room,
    subject: &Subject,
    kernel: &mut Kernel,
) -> Result<(), Obstacle> {
    can_choose_errors()?;
    open_all(subject)?;
    let hooks = OPERATIONS.into_iter().map(|attach| hook(room, attach));
    let order = Order {
        kind: Kind::SockError,
        mechanism: Mechanism::CgroupSock,
        params: &[
            ("operation", "connect,bind,sendmsg,socket"),
            ("errno", "EHOSTDOWN"),
        ],
        hooks: hooks.collect(),
        whom: Select::default(),
    };
    all_fail(Acting::begin(kernel, &order)?, subject, &calls())
}

fn can_choose_errors() -> Result<(), Obstacle> {
    if loader::hooks_choose_errors() {
        return Ok(());
    }
    Err(Obstacle::Lacking(
        "this kernel's hooks of cgroups can only say EPERM: others need `bpf_set_retval` (5.18)",
    ))
}

/// Both calls about options, by which of them they are, of a process in the cgroup.
pub(super) fn cgroup_option(
    room: &Room,
    subject: &Subject,
    kernel: &mut Kernel,
) -> Result<(), Obstacle> {
    can_choose_errors()?;
    open_all(subject)?;
    let order = Order {
        kind: Kind::SyscallError,
        mechanism: Mechanism::CgroupOption,
        params: &[
            ("syscalls", "setsockopt,getsockopt"),
            ("errno", "EHOSTDOWN"),
        ],
        hooks: vec![
            hook(room, Attach::Setsockopt),
            hook(room, Attach::Getsockopt),
        ],
        whom: Select {
            syscalls: OPTIONS.to_vec(),
            ..Select::default()
        },
    };
    let calls = [
        ("setsockopt", Request::SetOption { socket: 0 }),
        ("getsockopt", Request::GetOption { socket: 0 }),
    ];
    all_fail(Acting::begin(kernel, &order)?, subject, &calls)
}

/// `setsockopt` and `getsockopt`.
const OPTIONS: [u16; 2] = [54, 55];

/// Each of the calls fails while the fault acts, and none after.
fn all_fail(
    acting: Acting<'_>,
    subject: &Subject,
    calls: &[(&str, Request)],
) -> Result<(), Obstacle> {
    for (call, request) in calls {
        let done = subject.ask(*request)?;
        if done != Err(ERRNO) {
            return not_seen(format!(
                "attached to the cgroup, and `{call}` gave {} instead of {ERRNO}",
                said(done)
            ));
        }
    }
    acting.end();
    open_all(subject)?;
    for (call, request) in calls {
        if let Err(errno) = subject.ask(*request)? {
            return not_seen(format!("`{call}` failed with {errno} after the end"));
        }
    }
    Ok(())
}

/// A child of a process that is a target, born after the fault was armed.
pub(super) fn fork_tracking(
    room: &Room,
    subject: &Subject,
    kernel: &mut Kernel,
) -> Result<(), Obstacle> {
    let request = Request::ConnectInChild { port: PORT };
    if let Err(errno) = subject.ask(request)? {
        return not_seen(format!("a child's `connect` failed with {errno} by itself"));
    }
    let order = Order {
        kind: Kind::SockError,
        mechanism: Mechanism::CgroupSock,
        params: &[("operation", "connect"), ("errno", "EHOSTDOWN")],
        hooks: vec![hook(room, Attach::Connect)],
        whom: Select {
            thread_groups: vec![subject.pid()],
            ..Select::default()
        },
    };
    let acting = Acting::begin(kernel, &order).map_err(|obstacle| match obstacle {
        Obstacle::Kernel(error) if !matches!(error, KernelError::Tracking(_)) => {
            Obstacle::Needs(error)
        }
        other => other,
    })?;
    let done = subject.ask(request)?;
    if done != Err(ERRNO) {
        return not_seen(format!(
            "attached to the tracepoint, and a child's `connect` gave {} instead of {ERRNO}",
            said(done)
        ));
    }
    acting.end();
    match subject.ask(request)? {
        Ok(_) => Ok(()),
        Err(errno) => not_seen(format!(
            "a child's `connect` failed with {errno} after the end"
        )),
    }
}

fn hook(room: &Room, attach: Attach) -> Hook {
    Hook::Cgroup {
        path: room.path().to_owned(),
        id: 0,
        attach,
    }
}

/// One socket for each call, so that none is bound or connected before.
fn calls() -> [(&'static str, Request); 4] {
    [
        (
            "connect",
            Request::Connect {
                socket: 0,
                port: PORT,
            },
        ),
        ("bind", Request::Bind { socket: 1 }),
        (
            "sendmsg",
            Request::Send {
                socket: 2,
                port: PORT,
            },
        ),
        ("socket", Request::Open { socket: 3 }),
    ]
}

fn open_all(subject: &Subject) -> Result<(), Obstacle> {
    for socket in 0..3 {
        if let Err(errno) = subject.ask(Request::Open { socket })? {
            return not_seen(format!("`socket` failed with {errno} by itself"));
        }
    }
    Ok(())
}

fn said(done: nix::Result<u16>) -> String {
    done.map_or_else(|errno| errno.to_string(), |_value| "success".to_owned())
}
