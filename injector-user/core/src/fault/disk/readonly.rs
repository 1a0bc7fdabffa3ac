//! `disk.readonly`: as when a file system has found damage and lets nobody write any more.

use std::collections::BTreeMap;

use crate::fault::errno::Errno;
use crate::fault::given::Reader;
use crate::fault::syscall::{Backend, Failing, Opens, Outcome, PathFilter, Syscalls};

/// Nothing can be changed any more, not even what is open already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOnly {
    pub path: PathFilter,
    /// The best there is if not given.
    pub backend: Option<Backend>,
}

/// What changes a file system. Of what opens files, only what does it to write or to make one.
#[rustfmt::skip]
const CHANGING: &[&str] = &[
    "open", "openat", "openat2", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2",
    "fallocate", "copy_file_range", "truncate", "ftruncate", "mkdir", "mkdirat", "mknod", "mknodat",
    "symlink", "symlinkat", "link", "linkat", "unlink", "unlinkat", "rmdir", "rename", "renameat",
    "renameat2", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown",
    "fchownat", "utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr",
    "removexattr", "lremovexattr", "fremovexattr",
];

impl ReadOnly {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let path = reader.required("path", str::parse);
        let backend = reader.optional("backend", str::parse);
        Some(Self {
            path: path?,
            backend,
        })
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self { path, backend } = self;
        params.insert("path".to_owned(), path.to_string());
        params.extend(backend.map(|backend| ("backend".to_owned(), backend.to_string())));
    }

    pub(in crate::fault) fn failing(&self) -> Failing {
        Failing {
            path: Some(self.path.clone()),
            backend: self.backend,
            opens: Some(Opens::Writing),
            stored: true,
            ..Failing::of(Syscalls::meant([], [CHANGING]), Outcome::from(Errno::EROFS))
        }
    }
}
