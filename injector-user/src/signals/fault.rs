//! How sending signals can fail.

use std::io;

use nix::errno::Errno;
use thiserror::Error;

use crate::keeper::KeeperError;
use crate::safety::undo::UndoError;

/// The signals could not be begun, or not gone on with.
#[derive(Debug, Error)]
pub enum SignalsError {
    #[error("failed to record that processes will be stopped")]
    Record(#[source] UndoError),
    #[error("failed to list the processes that will be stopped")]
    List(#[source] io::Error),
    #[error("failed to put the stopped processes in the keeper's charge")]
    Register(#[source] KeeperError),
    #[error("failed to make what ends the rounds")]
    Stop(#[source] Errno),
    #[error("failed to start the thread that sends the signals")]
    Thread(#[source] io::Error),
    #[error("failed to look at the target")]
    Look(#[source] io::Error),
    #[error("failed to open process {pid}")]
    Open {
        pid: i32,
        #[source]
        source: Errno,
    },
    #[error("failed to send the signal to process {pid}")]
    Send {
        pid: i32,
        #[source]
        source: Errno,
    },
}
