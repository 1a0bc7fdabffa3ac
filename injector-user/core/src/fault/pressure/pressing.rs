//! The faults of pressure, and what they have in common.

use std::collections::BTreeMap;

use super::cpu::CpuStress;
use super::disk::DiskStress;
use super::fill::DiskFill;
use super::memory::MemoryStress;
use super::path::Folder;
use crate::fault::given::Reader;
use crate::fault::kind::Kind;
use crate::problem::Invalid;
use crate::units::ByteSize;

/// More threads than this are of no use on any host.
const MAX_WORKERS: u32 = 1024;

/// What is used up, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pressure {
    Cpu(CpuStress),
    Memory(MemoryStress),
    Disk(DiskStress),
    Fill(DiskFill),
}

impl Pressure {
    /// `None` if `kind` is another fault, or a problem was reported.
    pub(in crate::fault) fn read(kind: Kind, reader: &mut Reader<'_>) -> Option<Self> {
        match kind {
            Kind::CpuStress => Some(Self::Cpu(CpuStress::read(reader))),
            Kind::MemoryStress => MemoryStress::read(reader).map(Self::Memory),
            Kind::DiskStress => DiskStress::read(reader).map(Self::Disk),
            Kind::DiskFill => DiskFill::read(reader).map(Self::Fill),
            _of_other_things => None,
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Cpu(_) => Kind::CpuStress,
            Self::Memory(_) => Kind::MemoryStress,
            Self::Disk(_) => Kind::DiskStress,
            Self::Fill(_) => Kind::DiskFill,
        }
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        match self {
            Self::Cpu(stress) => stress.write(params),
            Self::Memory(stress) => stress.write(params),
            Self::Disk(stress) => stress.write(params),
            Self::Fill(fill) => fill.write(params),
        }
    }

    /// The folder on whose file system it acts, if it is about one.
    pub fn folder(&self) -> Option<&Folder> {
        match self {
            Self::Cpu(_) | Self::Memory(_) => None,
            Self::Disk(stress) => Some(&stress.path),
            Self::Fill(fill) => Some(&fill.path),
        }
    }
}

pub(super) fn workers(text: &str) -> Result<u32, Invalid> {
    match text.parse() {
        Ok(workers) if (1..=MAX_WORKERS).contains(&workers) && !text.starts_with('+') => {
            Ok(workers)
        }
        _ => Err(
            Invalid::saying(format!("`{text}` is not a number of workers"))
                .hint(format!("a whole number from 1 to {MAX_WORKERS}")),
        ),
    }
}

/// Bytes, more than none.
pub(super) fn size(text: &str) -> Result<ByteSize, Invalid> {
    match text.parse::<ByteSize>()? {
        size if size.bytes() > 0 => Ok(size),
        _ => Err(Invalid::saying(format!("`{text}` is nothing at all")).hint("at least 1b")),
    }
}
