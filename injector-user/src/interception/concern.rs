//! Which of the calls that are told of a fault means.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use injector_core::fault::syscall::{Failing, Sizes, Syscall};
use injector_core::plan::Files;

use super::call::{Call, low};
use super::files;
use crate::loader::file_types;

/// The filters of a fault.
#[derive(Clone, Debug, Default)]
pub struct Concern {
    /// Only these calls: a filter may know more of them.
    pub numbers: BTreeSet<u16>,
    pub sizes: Option<Sizes>,
    /// One bit for each type of file.
    pub types: Option<u32>,
    pub files: Option<Files>,
}

impl Concern {
    /// What was asked, as it was planned.
    pub fn of(failing: &Failing, numbers: &[u16], files: Option<&Files>) -> Self {
        Self {
            numbers: numbers.iter().copied().collect(),
            sizes: failing.size,
            types: failing.fd.as_ref().map(|kinds| file_types(Some(kinds))),
            files: files.cloned(),
        }
    }

    pub(super) fn means(&self, call: &Call) -> bool {
        let syscall = Syscall::from_number(call.number);
        let Some(syscall) = syscall.filter(|_| self.numbers.contains(&call.number)) else {
            return false;
        };
        self.sizes
            .is_none_or(|sizes| has_size(call, syscall, sizes))
            && self
                .types
                .is_none_or(|types| has_type(call, syscall, types))
            && self
                .files
                .as_ref()
                .is_none_or(|meant| files::are_meant(call, syscall, meant))
    }
}

fn has_size(call: &Call, syscall: Syscall, sizes: Sizes) -> bool {
    let at = syscall.size();
    at.is_some_and(|at| sizes.includes(call.argument(at)))
}

/// Whether one of its descriptors is of one of these types.
fn has_type(call: &Call, syscall: Syscall, types: u32) -> bool {
    syscall.fds().any(|at| {
        let fd = descriptor(call, at);
        let found = fs::metadata(format!("/proc/{}/fd/{fd}", call.thread));
        found.is_ok_and(|found| types & (1 << (found.mode() >> 12)) != 0)
    })
}

/// Descriptors are the lower half of an argument, whatever is in the upper one.
pub(super) fn descriptor(call: &Call, at: usize) -> i32 {
    low(call.argument(at)).cast_signed()
}
