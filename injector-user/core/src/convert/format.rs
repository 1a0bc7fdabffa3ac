//! The formats that can be read.

use super::table::Dialect;
use super::{chaos_mesh, datadog, litmus};
use crate::words::words;

/// Whose manifest it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    ChaosMesh,
    Litmus,
    Datadog,
}

words!(Format, "a format that can be converted", {
    ChaosMesh => "chaos-mesh",
    Litmus => "litmus",
    Datadog => "datadog",
});

impl Format {
    /// What it is called by those who make it.
    pub fn product(self) -> &'static str {
        self.dialect().product
    }

    pub(super) fn dialect(self) -> &'static Dialect {
        match self {
            Self::ChaosMesh => &chaos_mesh::DIALECT,
            Self::Litmus => &litmus::DIALECT,
            Self::Datadog => &datadog::DIALECT,
        }
    }
}
