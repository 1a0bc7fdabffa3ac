//! Faults of memory: `memory.error`.

use std::collections::BTreeMap;

use super::errno::Errno;
use super::given::Reader;
use super::syscall::{Backend, Failing, Outcome, Resource, Sizes, Syscalls};

/// The kernel has no more memory to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Only what asks for so many bytes.
    pub size: Option<Sizes>,
    /// The best there is if not given.
    pub backend: Option<Backend>,
}

/// What asks for memory by itself. A program that is being executed is past the point of no return when
/// it asks, and a stack grows without a call: both could only be killed, and are left alone.
const ASKING: &[&str] = &[
    "mmap", "mremap", "mprotect", "brk", "fork", "vfork", "clone", "clone3",
];

impl Failure {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            size: reader.optional("size", str::parse),
            backend: reader.optional("backend", str::parse),
        }
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self { size, backend } = self;
        let rows = [
            ("size", size.map(|size| size.to_string())),
            ("backend", backend.map(|backend| backend.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }

    pub(super) fn failing(&self) -> Failing {
        Failing {
            size: self.size,
            backend: self.backend,
            asks_for: Some(Resource::Memory),
            ..Failing::of(Syscalls::meant([], [ASKING]), Outcome::from(Errno::ENOMEM))
        }
    }
}
