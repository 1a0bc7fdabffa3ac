//! `disk.full`: there is no room left.

use std::collections::BTreeMap;

use crate::fault::errno::Errno;
use crate::fault::given::{Reader, among};
use crate::fault::syscall::{Backend, Failing, Opens, Outcome, PathFilter, Syscalls};
use crate::units::ByteSize;

/// Nothing can be written or made any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    pub path: PathFilter,
    /// How many bytes can be written before that.
    pub after: ByteSize,
    /// `ENOSPC`, or `EDQUOT` if it is the user's quota.
    pub errno: Errno,
    /// The best there is if not given.
    pub backend: Option<Backend>,
}

const ERRORS: [Errno; 2] = [Errno::ENOSPC, Errno::EDQUOT];

/// What needs room. Of what opens files, only what makes one.
#[rustfmt::skip]
const FILLING: &[&str] = &[
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "fallocate", "copy_file_range", "mkdir",
    "mkdirat", "mknod", "mknodat", "symlink", "symlinkat", "link", "linkat", "open", "openat",
    "openat2", "creat",
];

impl Full {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let path = reader.required("path", str::parse);
        let after = reader.or("after", ByteSize::new(0), str::parse);
        let errno = reader.or("errno", Errno::ENOSPC, |text| among(text, &ERRORS));
        let backend = reader.optional("backend", str::parse);
        Some(Self {
            path: path?,
            after,
            errno,
            backend,
        })
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            path,
            after,
            errno,
            backend,
        } = self;
        let rows = [
            ("path", Some(path.to_string())),
            ("after", (after.bytes() > 0).then(|| after.to_string())),
            (
                "errno",
                (*errno != Errno::ENOSPC).then(|| errno.to_string()),
            ),
            ("backend", backend.map(|backend| backend.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }

    pub(in crate::fault) fn failing(&self) -> Failing {
        Failing {
            path: Some(self.path.clone()),
            backend: self.backend,
            opens: Some(Opens::Creating),
            stored: true,
            room: Some(self.after),
            ..Failing::of(Syscalls::meant([], [FILLING]), Outcome::from(self.errno))
        }
    }
}
