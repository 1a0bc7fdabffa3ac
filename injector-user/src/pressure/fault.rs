//! How starting a crew can fail.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;
use thiserror::Error;

use crate::keeper::KeeperError;
use crate::safety::undo::UndoError;
use crate::target::ReadMounts;
use crate::target::command::CommandError;

#[derive(Debug, Error)]
pub enum PressureError {
    #[error("failed to {action} for the workers")]
    Prepare {
        action: &'static str,
        #[source]
        source: Errno,
    },
    #[error("failed to start the workers")]
    Start(#[source] io::Error),
    #[error("failed to open the folder {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to find the cgroup hierarchies")]
    Mounts(#[from] ReadMounts),
    #[error("the cgroup {path} is not the one that was planned for any more")]
    Replaced { path: String },
    #[error("this host has no cgroups of version 2 to put the workers into")]
    NoCgroups,
    #[error("failed to make a cgroup for the workers")]
    Cgroup(#[from] CommandError),
    #[error("failed to put the workers into {}", path.display())]
    Enter {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to record the workers")]
    Record(#[source] UndoError),
    #[error("failed to put the workers in the keeper's charge")]
    Register(#[source] KeeperError),
}

pub(super) fn prepare(action: &'static str) -> impl Fn(Errno) -> PressureError {
    move |source| PressureError::Prepare { action, source }
}
