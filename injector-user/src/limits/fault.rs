//! How limiting can fail or be refused.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::pulses::Unfit;

#[derive(Debug, Error)]
pub enum LimitError {
    #[error("failed to open {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is another cgroup than the one that was planned for", path.display())]
    Another { path: PathBuf },
    #[error("{} does not show {before:?} any more, as it did when the fault was planned", path.display())]
    Changed { path: PathBuf, before: String },
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("failed to read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to write {value:?} to {}", path.display())]
    Write {
        path: PathBuf,
        value: String,
        #[source]
        source: io::Error,
    },
    #[error("{} was told {during:?} and shows something else", path.display())]
    NotTaken { path: PathBuf, during: String },
    /// Theirs is the last word.
    #[error("somebody else has changed {} meanwhile, which was left as it is now", path.display())]
    Overruled { path: PathBuf },
}

impl LimitError {
    /// Whether the cgroup has vanished, so that nothing can be limited any more.
    pub fn has_vanished(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Read { source, .. } | Self::Write { source, .. } => {
                crate::target::has_vanished(source)
            }
            Self::Unfit(unfit) => unfit.has_vanished(),
            Self::Another { .. }
            | Self::Changed { .. }
            | Self::NotTaken { .. }
            | Self::Overruled { .. } => false,
        }
    }
}
