//! How starting or talking to the keeper can fail.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;
use thiserror::Error;

use crate::safety::undo::UndoError;

/// For a step whose failure nobody could do anything about; the caller says what follows from it.
pub(super) fn regardless<T, E>(tried: Result<T, E>) {
    drop(tried);
}

/// The engine has no working keeper, so it must not make an effect that needs one.
#[derive(Debug, Error)]
pub enum KeeperError {
    #[error("cannot fork a keeper from a process of {threads} threads")]
    Threads { threads: usize },
    #[error("failed to count the threads of this process")]
    CountThreads(#[source] io::Error),
    #[error("failed to {action} for the keeper")]
    Prepare {
        action: &'static str,
        #[source]
        source: Errno,
    },
    #[error("failed to prepare the keeper's cgroup {}", path.display())]
    Home {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to record the keeper's cgroup")]
    Record(#[source] UndoError),
    #[error("failed to send to the keeper")]
    Send(#[source] Errno),
    #[error("the keeper has died")]
    Died,
    #[error("the keeper did not answer within {milliseconds} ms")]
    Silent { milliseconds: u16 },
    #[error("the keeper refused: it holds as much as it can")]
    Full,
}
