//! Calls that fail, or succeed without having done anything, or end their process.

use std::collections::{BTreeMap, BTreeSet};

use super::call::Syscall;
use super::outcome::{Outcome, Returned};
use super::path::PathFilter;
use super::set::Syscalls;
use super::sizes::Sizes;
use crate::fault::address;
use crate::fault::given::{Reader, list};
use crate::problem::Invalid;
use crate::units::ByteSize;
use crate::words::words;

/// What a file descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FdKind {
    /// A regular file.
    File,
    Directory,
    Socket,
    /// With or without a name.
    Pipe,
    /// A character or block device, terminals among them.
    Device,
    /// An epoll, an eventfd, a timer and so on.
    Other,
}

words!(FdKind, "a kind of file descriptor", {
    File => "file",
    Directory => "directory",
    Socket => "socket",
    Pipe => "pipe",
    Device => "device",
    Other => "other",
});

/// By what means the kernel lets calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    FmodRet,
    /// Several that may sleep.
    FmodRetSleeping,
    Kprobe,
    Security,
    Lsm,
    Cgroup,
    Uprobe,
    Seccomp,
    Spin,
    /// The others meet a call before it is made: this one at its own function, after it.
    Fexit,
    /// Likewise, where all calls pass.
    SysExit,
}

words!(Backend, "a way to make calls fail", {
    FmodRet => "fmod-ret",
    FmodRetSleeping => "fmod-ret-s",
    Kprobe => "kprobe",
    Security => "security",
    Lsm => "lsm",
    Cgroup => "cgroup",
    Uprobe => "uprobe",
    Seccomp => "seccomp",
    Spin => "spin",
    Fexit => "fexit",
    SysExit => "sys-exit",
});

/// Which calls suffer, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    pub syscalls: Syscalls,
    pub outcome: Outcome,
    /// Only calls about these files, by path or by descriptor.
    pub path: Option<PathFilter>,
    /// Only calls on a descriptor of one of these kinds; at least one.
    pub fd: Option<BTreeSet<FdKind>>,
    /// Only calls about so many bytes.
    pub size: Option<Sizes>,
    /// The best there is if not given.
    pub backend: Option<Backend>,
    /// Only as far as they ask the kernel for this.
    pub asks_for: Option<Resource>,
    /// Of the calls that open files only those that do it for this.
    pub opens: Option<Opens>,
    /// Only what a file system stores: files, directories and links, or names that are to become some.
    pub stored: bool,
    /// Only once so many bytes have been asked to be moved.
    pub room: Option<ByteSize>,
}

/// What a system call may need of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Memory of its own, as overcommit accounts for it.
    Memory,
    /// An open file.
    Descriptor,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// To write to it, or to make it.
    Writing,
    /// To make it.
    Creating,
}

/// What a call needs to have for a parameter: its name, what that is in words, and whether it has it.
type Need = (&'static str, &'static str, fn(Syscall) -> bool);

const PATH: Need = ("path", "a path or a file descriptor", |call| {
    call.paths().chain(call.fds()).next().is_some()
});
const FD: Need = ("fd", "a file descriptor", |call| {
    call.fds().next().is_some()
});
const SIZE: Need = ("size", "a number of bytes", |call| call.size().is_some());
const REQUESTED: Need = ("retval", "a number of bytes that it may return", |call| {
    call.requested().is_some()
});

const SHORT: Need = ("short", "a number of bytes that it may return", |call| {
    call.requested().is_some()
});

impl Failing {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Self::read_with(reader, Outcome::read)
    }

    /// The same with an outcome that is asked for in other words.
    pub(in crate::fault) fn read_with(
        reader: &mut Reader<'_>,
        outcome: impl FnOnce(&mut Reader<'_>) -> Option<Outcome>,
    ) -> Option<Self> {
        let syscalls = reader.required("syscalls", str::parse);
        let outcome = outcome(reader);
        let path = reader.optional("path", str::parse);
        let fd = reader.optional("fd", kinds);
        let size = reader.optional("size", str::parse);
        let backend = reader.optional("backend", str::parse);
        let failing = Self {
            path,
            fd,
            size,
            backend,
            ..Self::of(syscalls?, outcome?)
        };
        failing.check(reader);
        Some(failing)
    }

    /// All of these calls, by the best means there are.
    pub fn of(syscalls: Syscalls, outcome: Outcome) -> Self {
        Self {
            syscalls,
            outcome,
            path: None,
            fd: None,
            size: None,
            backend: None,
            asks_for: None,
            opens: None,
            stored: false,
            room: None,
        }
    }

    /// Those of [`Failing::syscalls`] that have what the filters ask about, at least one, and those that
    /// do not, which are left alone.
    pub fn fitting(&self) -> (BTreeSet<Syscall>, BTreeSet<Syscall>) {
        let needs = self.needs();
        let fits = |call: &Syscall| needs.iter().all(|(_, _, has)| has(*call));
        self.syscalls.all().into_iter().partition(fits)
    }

    fn needs(&self) -> Vec<Need> {
        let requested = self.outcome == Outcome::Returns(Returned::Requested);
        let short = matches!(self.outcome, Outcome::Short(_));
        let asked = [
            (requested, REQUESTED),
            (short, SHORT),
            (self.path.is_some(), PATH),
            (self.fd.is_some(), FD),
            // What asks for memory says how much, if not in its arguments.
            (
                self.size.is_some() && self.asks_for != Some(Resource::Memory),
                SIZE,
            ),
        ];
        let asked = asked.into_iter().filter(|(asked, _)| *asked);
        asked.map(|(_, need)| need).collect()
    }

    fn check(&self, reader: &mut Reader<'_>) {
        let all = self.syscalls.all();
        let needs = self.needs();
        let mut alone = true;
        for (name, what, has) in &needs {
            if !all.iter().any(|call| has(*call)) {
                alone = false;
                reader.conflict(name, none_has(&all, what));
            }
        }
        if alone && self.fitting().0.is_empty() {
            let whats: Vec<_> = needs.iter().map(|(_, what, _)| *what).collect();
            let last = needs.last().map_or("syscalls", |(name, ..)| name);
            reader.conflict(last, none_has(&all, &whats.join(" and ")));
        }
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        self.outcome.write(params);
        self.write_calls(params);
    }

    /// Writes which calls are meant, and not what becomes of them.
    pub(in crate::fault) fn write_calls(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            syscalls,
            path,
            fd,
            size,
            backend,
            ..
        } = self;
        let kinds: Option<Vec<_>> = fd.as_ref().map(|kinds| kinds.iter().collect());
        let rows = [
            ("syscalls", Some(syscalls.to_string())),
            ("path", path.as_ref().map(ToString::to_string)),
            ("fd", kinds.and_then(|kinds| address::join(&kinds))),
            ("size", size.map(|sizes| sizes.to_string())),
            ("backend", backend.map(|backend| backend.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}

fn none_has(calls: &BTreeSet<Syscall>, what: &str) -> Invalid {
    const SHOWN: usize = 4;
    let names: Vec<_> = calls.iter().take(SHOWN).map(|call| call.name()).collect();
    let subject = match (names.as_slice(), calls.len().saturating_sub(SHOWN)) {
        ([one], 0) => format!("{one} does not have"),
        (names, 0) => format!("none of {} has", names.join(", ")),
        (names, more) => format!("none of {} and {more} more has", names.join(", ")),
    };
    Invalid::saying(format!("{subject} {what}"))
        .hint("leave this away, or add a system call that has, such as write")
}

fn kinds(text: &str) -> Result<BTreeSet<FdKind>, Invalid> {
    Ok(list(text, FdKind::ALL.len())?.into_iter().collect())
}
