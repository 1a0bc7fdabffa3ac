//! Whichever limit it is.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Cpu, Disk, Memory};
use crate::fault::given::Reader;
use crate::fault::kind::Kind;
use crate::fault::pulses::Pulses;

/// What is narrowed, and in which pulses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub of: Of,
    /// `None`: one pulse, as long as the fault.
    pub pulses: Option<Pulses>,
}

/// What is narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    Cpu(Cpu),
    Memory(Memory),
    Disk(Disk),
}

impl Limit {
    /// `None` if `kind` is another fault, or a problem was reported.
    pub(in crate::fault) fn read(
        kind: Kind,
        reader: &mut Reader<'_>,
        duration: Option<Duration>,
    ) -> Option<Self> {
        let pulses = Pulses::read_if_any(reader, duration);
        let of = match kind {
            Kind::CpuLimit => Of::Cpu(Cpu::read(reader)?),
            Kind::MemoryLimit => Of::Memory(Memory::read(reader)?),
            Kind::DiskSlow => Of::Disk(Disk::read(reader)?),
            _of_other_things => return None,
        };
        Some(Self { of, pulses })
    }

    pub fn kind(&self) -> Kind {
        match self.of {
            Of::Cpu(_) => Kind::CpuLimit,
            Of::Memory(_) => Kind::MemoryLimit,
            Of::Disk(_) => Kind::DiskSlow,
        }
    }

    /// Whose settings change, by the names in `cgroup.controllers`, of version 2 and of version 1.
    pub fn controllers(&self) -> [&'static str; 2] {
        match self.of {
            Of::Cpu(_) => ["cpu", "cpu"],
            Of::Memory(_) => ["memory", "memory"],
            Of::Disk(_) => ["io", "blkio"],
        }
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        match &self.of {
            Of::Cpu(cpu) => cpu.write(params),
            Of::Memory(memory) => memory.write(params),
            Of::Disk(disk) => disk.write(params),
        }
        if let Some(pulses) = &self.pulses {
            pulses.write(params);
        }
    }

    /// The same, with more of it left; `factor` in `(0, 1]`.
    #[must_use]
    pub fn weakened(&self, factor: f64) -> Self {
        Self {
            of: match &self.of {
                Of::Cpu(cpu) => Of::Cpu(Cpu {
                    quota: cpu.quota.divided_by(factor),
                    ..*cpu
                }),
                Of::Memory(memory) => Of::Memory(Memory {
                    size: memory.size.divided_by(factor),
                    ..*memory
                }),
                Of::Disk(disk) => Of::Disk(disk.weakened(factor)),
            },
            pulses: self.pulses,
        }
    }
}
