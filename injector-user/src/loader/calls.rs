//! What a fault of system calls lets them return.

use std::collections::BTreeSet;

use injector_abi::syscall::{Calls, OUTCOMES, Outcome, REQUESTED};
use injector_core::fault::Action;
use injector_core::fault::syscall::{self, FdKind, Returned, Sizes};

use super::kernel::{Kernel, KernelError};
use super::slots::Slot;
use crate::sys::pod::Shared;

impl Kernel {
    /// Writes the results of a fault of system calls, and where the kernel keeps what its programs need
    /// to know of the caller.
    pub(super) fn write_calls(&mut self, slot: Slot, action: &Action) -> Result<(), KernelError> {
        let Action::SyscallError(failing) = action else {
            return Ok(());
        };
        let functions = self.texts.functions().map_err(KernelError::Fields)?;
        let task = functions.task();
        self.tables.task_fields.set(0, Shared(task), 0)?;
        self.tables
            .file_fields
            .set(0, Shared(functions.file()), 0)?;
        let calls = Calls {
            outcomes: outcomes(&failing.outcome),
            least: failing.size.map_or(0, Sizes::least),
            most: failing.size.and_then(Sizes::most).unwrap_or(u64::MAX),
            types: types(failing.fd.as_ref()),
            reserved: 0,
        };
        Ok(self.tables.calls.set(slot, Shared(calls), 0)?)
    }
}

/// Whether it matters of what type a call's file is.
pub(super) fn asks_for_type(action: &Action) -> bool {
    matches!(action, Action::SyscallError(failing) if failing.fd.is_some())
}

/// Whether it matters how many bytes a call is about.
pub(super) fn asks_for_size(action: &Action) -> bool {
    matches!(action, Action::SyscallError(failing) if failing.size.is_some())
}

/// Certainty, in units of 2^-32.
const ALWAYS: u64 = 1 << 32;

/// The types of files that are meant, by the upper four bits of their modes.
pub(crate) fn types(kinds: Option<&BTreeSet<FdKind>>) -> u32 {
    let Some(kinds) = kinds else {
        return u32::MAX;
    };
    let of_kind = |kind: &FdKind| match kind {
        FdKind::File => REGULAR,
        FdKind::Directory => DIRECTORY,
        FdKind::Socket => SOCKET,
        FdKind::Pipe => FIFO,
        FdKind::Device => CHARACTER | BLOCK,
        // Those that the kernel makes up have no type, as `eventfd` and `epoll`.
        FdKind::Other => !(REGULAR | DIRECTORY | SOCKET | FIFO | CHARACTER | BLOCK),
    };
    kinds.iter().map(of_kind).fold(0, |all, one| all | one)
}

// One bit each, for `S_IFIFO >> 12` and so on.
const FIFO: u32 = 1 << 1;
const CHARACTER: u32 = 1 << 2;
const DIRECTORY: u32 = 1 << 4;
const BLOCK: u32 = 1 << 6;
const REGULAR: u32 = 1 << 8;
const SOCKET: u32 = 1 << 12;

pub(crate) fn outcomes(asked: &syscall::Outcome) -> [Outcome; OUTCOMES] {
    let weighted: Vec<(i64, u64)> = match asked {
        syscall::Outcome::Errors(errors) => {
            let errors = errors.iter();
            errors
                .map(|(errno, weight)| (-i64::from(errno.number()), u64::from(*weight)))
                .collect()
        }
        syscall::Outcome::Returns(Returned::Number(number)) => vec![(i64::from(*number), 1)],
        syscall::Outcome::Returns(Returned::Requested) => vec![(REQUESTED, 1)],
    };
    let total: u64 = weighted.iter().map(|(_value, weight)| weight).sum();
    let mut so_far = 0;
    let mut outcomes = [Outcome::default(); OUTCOMES];
    for (outcome, (value, weight)) in outcomes.iter_mut().zip(weighted) {
        so_far += weight;
        *outcome = Outcome {
            until: ALWAYS * so_far / total.max(1),
            value,
        };
    }
    outcomes
}
