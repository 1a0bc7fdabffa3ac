//! The engine as a process, for when it does not listen any more.
//!
//! Killing it is always safe: links go with their owner, and the keeper undoes the rest. What is
//! killed is held by a pidfd that was opened before it was looked at, so it is never somebody else.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use procfs::process::Process;
use thiserror::Error;

use crate::sys::fd::{pidfd_open, pidfd_signal};
use crate::sys::poll::wait_readable;

/// An engine that cannot be ended.
#[derive(Debug, Error)]
pub enum KillError {
    #[error("failed to open process {pid}")]
    Open {
        pid: i32,
        #[source]
        source: Errno,
    },
    #[error("process {pid} is not a Temblor engine")]
    NotOurs { pid: i32 },
    #[error("failed to kill the engine, process {pid}")]
    Kill {
        pid: i32,
        #[source]
        source: Errno,
    },
    #[error("failed to wait for the end of the engine, process {pid}")]
    Wait {
        pid: i32,
        #[source]
        source: io::Error,
    },
    #[error("the engine, process {pid}, was killed and has not ended")]
    Stays { pid: i32 },
}

/// A process that was seen to be an engine.
#[derive(Debug)]
pub struct EngineProcess {
    pid: i32,
    pidfd: OwnedFd,
}

impl EngineProcess {
    /// The engine that wrote the pid file in `run_dir`; none if it has ended, or was never there.
    pub fn of(run_dir: &Path) -> Result<Option<Self>, KillError> {
        let text = fs::read_to_string(run_dir.join("engine.pid")).unwrap_or_default();
        match text.trim().parse() {
            // A number that somebody else has got since then is nobody of ours.
            Ok(pid) => match Self::open(pid) {
                Err(KillError::NotOurs { .. }) => Ok(None),
                found => found,
            },
            Err(_not_a_number) => Ok(None),
        }
    }

    /// The engine with this number; none if it has ended.
    pub fn open(pid: i32) -> Result<Option<Self>, KillError> {
        let pidfd = match pidfd_open(Pid::from_raw(pid)) {
            Err(Errno::ESRCH) => return Ok(None),
            opened => opened.map_err(|source| KillError::Open { pid, source })?,
        };
        if is_engine(pid) {
            return Ok(Some(Self { pid, pidfd }));
        }
        let ended = wait_readable([pidfd.as_fd()], Duration::ZERO);
        match ended {
            Ok([events]) if events.contains(PollFlags::POLLIN) => Ok(None),
            _ => Err(KillError::NotOurs { pid }),
        }
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Kills it and waits until it is gone, at most for `patience`.
    pub fn kill(&self, patience: Duration) -> Result<(), KillError> {
        let pid = self.pid;
        match pidfd_signal(self.pidfd.as_fd(), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(source) => return Err(KillError::Kill { pid, source }),
        }
        let [events] = wait_readable([self.pidfd.as_fd()], patience)
            .map_err(|source| KillError::Wait { pid, source })?;
        if events.contains(PollFlags::POLLIN) {
            Ok(())
        } else {
            Err(KillError::Stays { pid })
        }
    }
}

/// Whether a process is an engine: our file or one of our name, with that verb.
fn is_engine(pid: i32) -> bool {
    let Ok(process) = Process::new(pid) else {
        return false;
    };
    let Ok(words) = process.cmdline() else {
        return false;
    };
    let program = process.exe().unwrap_or_default();
    let name = program.file_name().unwrap_or_default();
    // A file that was replaced since it was started has a note after its name.
    let ours = name.as_bytes().starts_with(b"temblor");
    ours && words.iter().any(|word| word == "engine")
}
