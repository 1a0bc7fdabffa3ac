//! `cpu.stress`: processor time is used up.

use std::collections::BTreeMap;

use super::pressing::workers;
use crate::fault::given::Reader;
use crate::units::Percent;

/// Workers that calculate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuStress {
    /// `1..=1024`; one for each processor that is online if not given.
    pub workers: Option<u32>,
    /// Of one processor, by each worker.
    pub load: Percent,
}

impl CpuStress {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            workers: reader.optional("workers", workers),
            load: reader.or("load", Percent::ALL, str::parse),
        }
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self { workers, load } = self;
        let rows = [
            ("workers", workers.map(|workers| workers.to_string())),
            ("load", (*load != Percent::ALL).then(|| load.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}
