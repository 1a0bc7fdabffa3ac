//! What a fault of system calls lets them return.

use injector_abi::syscall::{Calls, MOST_SPIN_NS, OUTCOMES, Outcome, REQUESTED};
use injector_core::fault::Action;
use injector_core::fault::syscall::{self, Crash, Failing, FdKind, Returned, Sizes};
use injector_core::units::{self, ByteSize};

use super::functions::Functions;
use super::kernel::{Kernel, KernelError};
use crate::sys::pod::Shared;

impl Kernel {
    /// Writes where the kernel keeps what programs at calls need to know of the caller.
    pub(super) fn write_fields(&mut self) -> Result<(), KernelError> {
        let functions = Functions::known().map_err(KernelError::Fields)?;
        let task = functions.task();
        self.tables.task_fields.set(0, Shared(task), 0)?;
        let file = functions.file();
        Ok(self.tables.file_fields.set(0, Shared(file), 0)?)
    }
}

/// Which calls a fault acts on and what they return, if it is about calls.
pub(super) fn calls_of(action: &Action) -> Option<Calls> {
    action.failing().map(|failing| Calls {
        outcomes: outcomes(&failing.outcome),
        least: failing.size.map_or(0, Sizes::least),
        most: failing.size.and_then(Sizes::most).unwrap_or(u64::MAX),
        room: failing.room.map_or(u64::MAX, ByteSize::bytes),
        used: 0,
        types: types(&failing),
        signal: signal(&failing.outcome),
        share: u64::from(share(&failing.outcome)),
        spin_ns: spin_ns(&failing.outcome),
    })
}

/// What matters of the calls that a fault is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// The type of their file.
    pub(super) kind: bool,
    /// How many bytes they are about.
    pub(super) size: bool,
    /// How many bytes those before were about.
    pub(super) room: bool,
}

impl Asked {
    pub(super) fn of(action: &Action) -> Self {
        action.failing().map_or_else(Self::default, |failing| Self {
            kind: asks_for_type(&failing),
            size: failing.size.is_some(),
            room: failing.room.is_some(),
        })
    }
}

pub(crate) fn asks_for_type(failing: &Failing) -> bool {
    failing.fd.is_some() || failing.stored
}

/// The signal that a call's process is sent; 0 if none.
fn signal(outcome: &syscall::Outcome) -> u32 {
    match outcome {
        syscall::Outcome::Crashes(crash) => crash.signal.number().unsigned_abs(),
        _nothing_is_sent => 0,
    }
}

/// Certainty, in units of 2^-32.
const ALWAYS: u64 = 1 << 32;

/// The types of files that are meant, by the upper four bits of their modes.
pub(crate) fn types(failing: &Failing) -> u32 {
    if failing.stored {
        return NONE_YET | REGULAR | DIRECTORY | LINK;
    }
    let Some(kinds) = &failing.fd else {
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

// Of a name without a file.
const NONE_YET: u32 = 1;
// One bit each, for `S_IFIFO >> 12` and so on.
const FIFO: u32 = 1 << 1;
const CHARACTER: u32 = 1 << 2;
const DIRECTORY: u32 = 1 << 4;
const BLOCK: u32 = 1 << 6;
const REGULAR: u32 = 1 << 8;
const LINK: u32 = 1 << 10;
const SOCKET: u32 = 1 << 12;

const _: () = assert!(syscall::MOST_SPIN.as_nanos() == MOST_SPIN_NS as u128);

/// How long its caller is kept busy, where it cannot sleep.
fn spin_ns(asked: &syscall::Outcome) -> u64 {
    match asked {
        syscall::Outcome::Delays(sleep) => sleep.spin().map_or(0, units::nanoseconds),
        _nobody_waits => 0,
    }
}

/// What part of a call is made.
pub(crate) fn share(asked: &syscall::Outcome) -> u32 {
    match asked {
        syscall::Outcome::Short(share) => share.part(),
        _whole_or_not_at_all => 0,
    }
}

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
        // Another answers these.
        syscall::Outcome::Short(_) | syscall::Outcome::Delays(_) => Vec::new(),
        syscall::Outcome::Crashes(_) => vec![(-i64::from(Crash::ERRNO.number()), 1)],
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
