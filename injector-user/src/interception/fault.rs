//! Why the calls of a command cannot be intercepted.

use std::io;

use nix::errno::Errno;
use thiserror::Error;

use crate::keeper::KeeperError;
use crate::safety::undo::UndoError;

#[derive(Debug, Error)]
pub enum InterceptionError {
    #[error("failed to open process {pid}")]
    Open {
        pid: i32,
        #[source]
        source: Errno,
    },
    #[error("process {pid} has no listener under the number {number}")]
    NoListener { pid: i32, number: i32 },
    #[error("process {pid} does not wait for its listener to be taken")]
    DoesNotWait { pid: i32 },
    #[error("failed to find out who {who} is")]
    Identify {
        who: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("failed to open the listener once more")]
    Again(#[source] io::Error),
    #[error("failed to record the command's calls")]
    Record(#[source] UndoError),
    #[error("failed to put the command's calls in the keeper's charge")]
    Register(#[source] KeeperError),
    #[error("failed to start the thread that answers calls")]
    Thread(#[source] io::Error),
}
