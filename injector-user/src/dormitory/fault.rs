//! Why nobody can be put to sleep.

use std::io;

use nix::errno::Errno;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum DormitoryError {
    #[error("failed to open /dev/fuse")]
    Device(#[source] io::Error),
    #[error("failed to {action}")]
    Mount {
        action: &'static str,
        #[source]
        source: Errno,
    },
    #[error("failed to start the loop that wakes")]
    Start(#[source] io::Error),
}

impl DormitoryError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Device(_) => Some("`modprobe fuse`, or bind-mount /dev/fuse into the container"),
            Self::Mount { .. } | Self::Start(_) => None,
        }
    }
}
