//! How the undo log can fail. Each of these means: do not change the host.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum UndoError {
    #[error("failed to open the undo log {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to tell which boot and process this is")]
    Identify(#[source] io::Error),
    #[error("failed to write the undo log entry {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to remove the undo log entry {}", path.display())]
    Remove {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to read the undo log {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl UndoError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        let (Self::Open { source, .. }
        | Self::Identify(source)
        | Self::Write { source, .. }
        | Self::Remove { source, .. }
        | Self::Read { source, .. }) = self;
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("nothing was changed: free some space there, or set TEMBLOR_RUN_DIR")
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                Some("nothing was changed: set TEMBLOR_RUN_DIR to a folder that can be written")
            }
            io::ErrorKind::PermissionDenied => Some("the engine needs root"),
            _ => None,
        }
    }
}
