//! What faults that are made of system calls do to a caller: the same in the kernel and by a filter.

use injector_core::fault::Kind;
use nix::errno::Errno;

use crate::caller::Told;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub kind: Kind,
    /// Besides target, duration and `path`.
    pub given: &'static [(&'static str, &'static str)],
    /// What fails, and with what.
    pub fails: &'static [&'static str],
    pub errno: Errno,
    /// What is made at the same time by the same process, and does not fail.
    pub spared: &'static [&'static str],
}

impl Preset {
    /// Whether it is about files below a path.
    pub fn is_of_files(&self) -> bool {
        matches!(
            self.kind,
            Kind::DiskError | Kind::DiskFull | Kind::DiskReadonly
        )
    }

    /// What each of the deeds gives, while it acts or afterwards.
    pub fn expected(&self, acts: bool) -> Told {
        let errno = if acts { self.errno as i32 } else { 0 };
        let fails = self.fails.iter().map(|deed| (*deed, errno));
        let spared = self.spared.iter().map(|deed| (*deed, 0));
        let all = fails.chain(spared);
        all.map(|(deed, errno)| (deed.to_owned(), vec![errno]))
            .collect()
    }

    /// Everything that is done, what fails first.
    pub fn deeds(&self) -> Vec<&'static str> {
        [self.fails, self.spared].concat()
    }
}

const PRESETS: [Preset; 6] = [
    Preset {
        kind: Kind::ProcessFdLimit,
        given: &[],
        fails: &[
            "openat",
            "socket",
            "socketpair",
            "pipe2",
            "eventfd2",
            "memfd_create",
            "timerfd_create",
        ],
        errno: Errno::EMFILE,
        spared: &["read", "getsid", "fstat"],
    },
    Preset {
        kind: Kind::ProcessForkError,
        given: &[],
        fails: &["start a process", "start a thread"],
        errno: Errno::EAGAIN,
        spared: &["openat", "getsid"],
    },
    Preset {
        kind: Kind::MemoryError,
        given: &[("size", "1MiB..")],
        fails: &["reserve much memory"],
        errno: Errno::ENOMEM,
        spared: &["openat", "read", "getsid"],
    },
    Preset {
        kind: Kind::DiskError,
        given: &[("operation", "read,write")],
        fails: &[
            "read",
            "pread64",
            "readv",
            "write",
            "pwrite64",
            "pwritev",
            "getdents64",
        ],
        errno: Errno::EIO,
        spared: &["openat", "fstat", "unlink", "sendto"],
    },
    Preset {
        kind: Kind::DiskFull,
        given: &[],
        fails: &[
            "write",
            "pwrite64",
            "writev",
            "mkdir",
            "symlink",
            "make a file",
        ],
        errno: Errno::ENOSPC,
        spared: &["read", "open to write", "unlink", "fstat", "sendto"],
    },
    Preset {
        kind: Kind::DiskReadonly,
        given: &[],
        fails: &[
            "open to write",
            "make a file",
            "write",
            "mkdir",
            "unlink",
            "rmdir",
            "rename",
            "chmod",
            "ftruncate",
        ],
        errno: Errno::EROFS,
        spared: &["openat", "read", "fstat", "newfstatat", "read a file"],
    },
];

/// The one of this kind.
pub fn preset(kind: Kind) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.kind == kind)
}
