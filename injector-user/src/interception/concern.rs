//! Which of the calls that are told of a fault means.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use injector_core::fault::syscall::{Failing, Opens, Outcome, Resource, Sizes, Syscall};
use injector_core::plan::Files;
use injector_core::units::ByteSize;

use super::call::{Call, low};
use super::{files, heap, opening};
use crate::loader::{asks_for_type, file_types};

/// The filters of a fault.
#[derive(Clone, Debug, Default)]
pub struct Concern {
    /// Only these calls: a filter may know more of them.
    pub numbers: BTreeSet<u16>,
    pub sizes: Option<Sizes>,
    /// One bit for each type of file.
    pub types: Option<u32>,
    pub files: Option<Files>,
    pub opens: Option<Opens>,
    /// Only those that ask for memory.
    pub for_memory: bool,
    /// How many bytes may be asked for before.
    pub room: Option<u64>,
}

impl Concern {
    /// What was asked, as it was planned.
    pub fn of(failing: &Failing, numbers: &[u16], files: Option<&Files>) -> Self {
        Self {
            numbers: numbers.iter().copied().collect(),
            sizes: failing.size,
            types: types(failing),
            files: files.cloned(),
            opens: failing.opens,
            for_memory: failing.asks_for == Some(Resource::Memory),
            room: failing.room.map(ByteSize::bytes),
        }
    }

    pub(super) fn means(&self, call: &Call) -> bool {
        let syscall = Syscall::from_number(call.number);
        let Some(syscall) = syscall.filter(|_| self.numbers.contains(&call.number)) else {
            return false;
        };
        self.sizes
            .is_none_or(|sizes| call.size(syscall).is_some_and(|size| sizes.includes(size)))
            && self
                .types
                .is_none_or(|types| has_type(call, syscall, types))
            && self
                .files
                .as_ref()
                .is_none_or(|meant| files::are_meant(call, syscall, meant))
            && self
                .opens
                .is_none_or(|asked| opening::is_for(call, syscall, asked))
            && (!self.for_memory || asks_for_memory(call, syscall))
    }

    /// Whether a call that is meant does not fit any more, after calls about `used` bytes.
    pub(super) fn is_full(&self, call: &Call, used: &mut u64) -> bool {
        let Some(room) = self.room else {
            return true;
        };
        let syscall = Syscall::from_number(call.number);
        let size = syscall.and_then(|syscall| call.size(syscall)).unwrap_or(0);
        let full = used.saturating_add(size.max(1)) > room;
        *used = used.saturating_add(size);
        full
    }
}

/// One bit for each type of file; a transfer that is made in part is one of a regular file.
fn types(failing: &Failing) -> Option<u32> {
    let asked = asks_for_type(failing).then(|| file_types(failing));
    if matches!(failing.outcome, Outcome::Short(_)) {
        return Some(REGULAR & asked.unwrap_or(REGULAR));
    }
    asked
}

/// `S_IFREG >> 12`, as a bit.
const REGULAR: u32 = 1 << 8;

/// Whether it asks for memory that the kernel accounts for: to be written to, and the caller's own or
/// nobody's file's, or a new task's.
fn asks_for_memory(call: &Call, syscall: Syscall) -> bool {
    let writable = call.argument(2) & PROT_WRITE != 0;
    let flags = call.argument(3);
    let own = flags & (MAP_PRIVATE | MAP_ANONYMOUS) != 0 && flags & MAP_NORESERVE == 0;
    match syscall.name() {
        "mmap" => writable && own,
        "mprotect" => writable,
        "mremap" => call.argument(2) > call.argument(1),
        "brk" => heap::growth(call) > 0,
        _ => true,
    }
}

// As in `mmap(2)`.
const PROT_WRITE: u64 = 2;
const MAP_PRIVATE: u64 = 2;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_NORESERVE: u64 = 0x4000;

/// Whether one of its descriptors, if it has any, is of one of these types.
fn has_type(call: &Call, syscall: Syscall, types: u32) -> bool {
    let mut fds = syscall.fds().peekable();
    fds.peek().is_none()
        || fds.any(|at| {
            let fd = descriptor(call, at);
            let found = fs::metadata(format!("/proc/{}/fd/{fd}", call.thread));
            found.is_ok_and(|found| types & (1 << (found.mode() >> 12)) != 0)
        })
}

/// Descriptors are the lower half of an argument, whatever is in the upper one.
pub(super) fn descriptor(call: &Call, at: usize) -> i32 {
    low(call.argument(at)).cast_signed()
}
