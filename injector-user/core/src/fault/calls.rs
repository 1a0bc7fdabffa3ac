//! Faults that are made of system calls which suffer, each with words of its own.

use std::collections::BTreeMap;

use super::given::Reader;
use super::kind::Kind;
use super::syscall::{Failing, Outcome};
use super::{disk, memory, process};

/// What is asked for. What it means is in [`CallFault::failing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFault {
    Error(Failing),
    Delay(Failing),
    Crash(process::Crash),
    FdLimit(process::Limit),
    ForkError(process::Limit),
    Memory(memory::Failure),
    Disk(disk::Failure),
    DiskFull(disk::Full),
    DiskReadonly(disk::ReadOnly),
    DiskSlow(disk::Slow),
}

impl CallFault {
    /// `None` if `kind` is another fault, or a problem was reported.
    pub(super) fn read(kind: Kind, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            Kind::SyscallError => Self::Error(Failing::read(reader)?),
            Kind::SyscallDelay => Self::Delay(Failing::read_with(reader, Outcome::read_delay)?),
            Kind::ProcessCrash => Self::Crash(process::Crash::read(reader)?),
            Kind::ProcessFdLimit => Self::FdLimit(process::Limit::read(reader, process::OF_FILES)),
            Kind::ProcessForkError => {
                Self::ForkError(process::Limit::read(reader, process::OF_TASKS))
            }
            Kind::MemoryError => Self::Memory(memory::Failure::read(reader)),
            Kind::DiskError => Self::Disk(disk::Failure::read(reader)?),
            Kind::DiskFull => Self::DiskFull(disk::Full::read(reader)?),
            Kind::DiskReadonly => Self::DiskReadonly(disk::ReadOnly::read(reader)?),
            Kind::DiskSlow => Self::DiskSlow(disk::Slow::read(reader)?),
            _of_other_things => return None,
        })
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Error(_) => Kind::SyscallError,
            Self::Delay(_) => Kind::SyscallDelay,
            Self::Crash(_) => Kind::ProcessCrash,
            Self::FdLimit(_) => Kind::ProcessFdLimit,
            Self::ForkError(_) => Kind::ProcessForkError,
            Self::Memory(_) => Kind::MemoryError,
            Self::Disk(_) => Kind::DiskError,
            Self::DiskFull(_) => Kind::DiskFull,
            Self::DiskReadonly(_) => Kind::DiskReadonly,
            Self::DiskSlow(_) => Kind::DiskSlow,
        }
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        match self {
            Self::Error(failing) | Self::Delay(failing) => failing.write(params),
            Self::Crash(crash) => crash.write(params),
            Self::FdLimit(limit) => limit.write(process::OF_FILES, params),
            Self::ForkError(limit) => limit.write(process::OF_TASKS, params),
            Self::Memory(failure) => failure.write(params),
            Self::Disk(failure) => failure.write(params),
            Self::DiskFull(full) => full.write(params),
            Self::DiskReadonly(readonly) => readonly.write(params),
            Self::DiskSlow(slow) => slow.write(params),
        }
    }

    /// Which calls suffer, and what becomes of them.
    pub fn failing(&self) -> Failing {
        match self {
            Self::Error(failing) | Self::Delay(failing) => failing.clone(),
            Self::Crash(crash) => crash.failing(),
            Self::FdLimit(limit) => limit.of_files(),
            Self::ForkError(limit) => limit.of_tasks(),
            Self::Memory(failure) => failure.failing(),
            Self::Disk(failure) => failure.failing(),
            Self::DiskFull(full) => full.failing(),
            Self::DiskReadonly(readonly) => readonly.failing(),
            Self::DiskSlow(slow) => slow.failing(),
        }
    }
}
