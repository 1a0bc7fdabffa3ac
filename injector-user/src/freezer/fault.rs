//! How freezing can fail or be refused.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::pulses::Unfit;

#[derive(Debug, Error)]
pub enum FreezerError {
    #[error("failed to open the freezer of {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is a root cgroup, which cannot be frozen", path.display())]
    Root { path: PathBuf },
    #[error("{} was frozen by someone else before", path.display())]
    FrozenBefore { path: PathBuf },
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("failed to read the freezer of {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to write the freezer of {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} shows an unknown freezer state {text:?}", path.display())]
    State { path: PathBuf, text: String },
}

impl FreezerError {
    /// Whether the cgroup has vanished, so that nothing can be frozen any more.
    pub fn has_vanished(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Read { source, .. } | Self::Write { source, .. } => {
                crate::target::has_vanished(source)
            }
            Self::Unfit(unfit) => unfit.has_vanished(),
            Self::Root { .. } | Self::FrozenBefore { .. } | Self::State { .. } => false,
        }
    }
}
