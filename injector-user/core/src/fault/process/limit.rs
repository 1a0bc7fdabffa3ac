//! `process.fd_limit` and `process.fork_error`: a limit has been reached.

use std::collections::BTreeMap;

use crate::fault::errno::Errno;
use crate::fault::given::{Reader, among};
use crate::fault::syscall::{Backend, Failing, Outcome, Resource, Syscalls};

/// What a process is told that has reached it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub errno: Errno,
    /// The best there is if not given.
    pub backend: Option<Backend>,
}

/// Of open files: the process's own, which is the default, and the host's.
pub(in crate::fault) const OF_FILES: [Errno; 2] = [Errno::EMFILE, Errno::ENFILE];

/// Of processes and threads, which is the default, and of memory for them.
pub(in crate::fault) const OF_TASKS: [Errno; 2] = [Errno::EAGAIN, Errno::ENOMEM];

/// What makes descriptors; `fcntl` does so among many other things, and is left alone.
#[rustfmt::skip]
const OPENING: &[&str] = &[
    "open", "openat", "openat2", "creat", "open_by_handle_at", "socket", "socketpair", "accept",
    "accept4", "pipe", "pipe2", "dup", "dup2", "dup3", "epoll_create", "epoll_create1", "eventfd",
    "eventfd2", "timerfd_create", "signalfd", "signalfd4", "inotify_init", "inotify_init1",
    "fanotify_init", "memfd_create", "memfd_secret", "userfaultfd", "io_uring_setup",
    "perf_event_open", "pidfd_open", "mq_open",
];

const FORKING: &[&str] = &["fork", "vfork", "clone", "clone3"];

impl Limit {
    /// The first of `errors` if none is given.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>, errors: [Errno; 2]) -> Self {
        let [default, _] = errors;
        Self {
            errno: reader.or("errno", default, |text| among(text, &errors)),
            backend: reader.optional("backend", str::parse),
        }
    }

    pub(in crate::fault) fn write(
        &self,
        [default, _]: [Errno; 2],
        params: &mut BTreeMap<String, String>,
    ) {
        let Self { errno, backend } = self;
        let errno = (*errno != default).then(|| errno.to_string());
        let backend = backend.map(|backend| backend.to_string());
        for (name, text) in [("errno", errno), ("backend", backend)] {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }

    /// What fails when no file can be opened any more, nor anything else that has a descriptor.
    pub(in crate::fault) fn of_files(&self) -> Failing {
        Failing {
            asks_for: Some(Resource::Descriptor),
            ..self.failing(OPENING)
        }
    }

    /// What fails when no process and no thread can be made any more.
    pub(in crate::fault) fn of_tasks(&self) -> Failing {
        self.failing(FORKING)
    }

    fn failing(&self, calls: &'static [&'static str]) -> Failing {
        Failing {
            backend: self.backend,
            ..Failing::of(Syscalls::meant([], [calls]), Outcome::from(self.errno))
        }
    }
}
