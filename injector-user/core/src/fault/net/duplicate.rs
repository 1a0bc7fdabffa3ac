//! `net.duplicate`: packets come twice.

use std::collections::BTreeMap;

use super::chain::Bursts;
use super::filter::{Direction, Filter};
use crate::fault::given::Reader;

/// A copy goes ahead of the packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicate {
    pub filter: Filter,
    pub bursts: Bursts,
}

impl Duplicate {
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            filter: Filter::read(reader, Direction::Out),
            bursts: Bursts::read_correlation(reader),
        }
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self { filter, bursts } = self;
        filter.write(params, Direction::Out);
        bursts.write(params);
    }
}
