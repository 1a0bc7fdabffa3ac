//! Trials of calls that take longer while their callers sleep.

use std::time::{Duration, Instant};

use injector_core::fault::Kind;
use injector_core::fault::syscall::Syscall;
use injector_core::plan::{Entry, Hook, Mechanism, Select};

use super::acting::{Acting, Order};
use super::obstacle::{Obstacle, not_seen};
use super::subject::Subject;
use super::wire::Request;
use crate::loader::Kernel;

/// How long a call is to take: long enough to be told from one that is not met, where callers may sleep
/// for so long.
const LATENCY: (&str, Duration) = ("20ms", Duration::from_millis(20));
const SPIN: (&str, Duration) = ("100us", Duration::from_micros(100));

/// One call that the subject makes, and where it is met.
#[derive(Debug)]
struct Trial {
    call: &'static str,
    request: Request,
    moment: &'static str,
    latency: (&'static str, Duration),
    hook: fn(Syscall) -> Hook,
}

fn trial(mechanism: Mechanism) -> Trial {
    let of_getpgid = |moment, hook| Trial {
        call: "getpgid",
        request: Request::Getpgid,
        moment,
        latency: LATENCY,
        hook,
    };
    match mechanism {
        Mechanism::SleepAtCall => {
            of_getpgid("before", |_| function("__x64_sys_getpgid", Entry::Again))
        }
        Mechanism::SleepInTurn => {
            of_getpgid("before", |_| function("__x64_sys_getpgid", Entry::InTurn))
        }
        Mechanism::SleepOnReturn => {
            of_getpgid("after", |_| function("__x64_sys_getpgid", Entry::Exit))
        }
        Mechanism::SleepInLsm => Trial {
            call: "socket",
            request: Request::Open { socket: 0 },
            moment: "before",
            latency: LATENCY,
            hook: |_| function("security_socket_create", Entry::LsmSleeping),
        },
        Mechanism::SleepAtHook => Trial {
            call: "write",
            request: Request::Write,
            moment: "before",
            latency: LATENCY,
            hook: |_| function("security_file_permission", Entry::Again),
        },
        Mechanism::SpinAtHook => Trial {
            call: "write",
            request: Request::Write,
            moment: "before",
            latency: SPIN,
            hook: |_| function("security_file_permission", Entry::Spin),
        },
        _after => of_getpgid("after", |syscall| Hook::Exit {
            syscall,
            sleeps: true,
            count: None,
            subject: None,
        }),
    }
}

fn function(name: &str, entry: Entry) -> Hook {
    Hook::Function {
        function: name.to_owned(),
        entry,
        count: None,
        subject: None,
    }
}

/// The subject's call takes as long as was asked, once, and gives what it gives otherwise.
pub(super) fn slow(
    mechanism: Mechanism,
    subject: &Subject,
    kernel: &mut Kernel,
) -> Result<(), Obstacle> {
    let Trial {
        call,
        request,
        moment,
        latency: (text, latency),
        hook,
    } = trial(mechanism);
    let syscall: Result<Syscall, _> = call.parse();
    let Ok(syscall) = syscall else {
        return not_seen(format!("there is no `{call}`"));
    };
    if let Err(errno) = subject.ask(request)? {
        return not_seen(format!("`{call}` failed with {errno} by itself"));
    }
    let order = Order {
        kind: Kind::SyscallDelay,
        mechanism,
        params: &[
            ("syscalls", call),
            ("latency", text),
            ("moment", moment),
            ("max_hits", "1"),
        ],
        hooks: vec![hook(syscall)],
        whom: Select {
            thread_groups: vec![subject.pid()],
            syscalls: vec![syscall.number()],
            ..Select::default()
        },
    };
    let acting = Acting::begin(kernel, &order)?;
    let begun = Instant::now();
    let done = subject.ask(request)?;
    let took = begun.elapsed();
    let injected = acting.injected()?;
    acting.end();
    match done {
        Err(errno) => not_seen(format!("attached, and `{call}` failed with {errno}")),
        Ok(_) if injected == 0 => not_seen(format!("attached, and `{call}` was not met")),
        Ok(_) if took < latency => not_seen(format!(
            "attached, and `{call}` took {took:?}: its caller could not wait for a page of ours, as \
             outside of the host's pid namespace"
        )),
        Ok(_) => Ok(()),
    }
}
