//! Trying workers out: a crew of this program does a little of what it is for, and is looked at.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::Duration;

use injector_core::fault::pressure::{Operations, Pattern};
use injector_core::plan::Task;
use nix::poll::{PollTimeout, poll};
use thiserror::Error;

use super::crew::Running;
use super::fault::PressureError;
use super::folder;
use super::page::{Page, Word};
use crate::clock::monotonic_ns;

/// Which workers are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    Cpu,
    Memory,
    Disk,
    Fill,
}

#[derive(Debug, Error)]
pub(crate) enum TrialError {
    #[error(transparent)]
    Pressure(#[from] PressureError),
    #[error("failed to open {path} for the trial")]
    Folder {
        path: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{0}")]
    NotSeen(String),
}

/// How long anything may take that is expected to happen, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is enough to be seen.
const BYTES: u64 = 1 << 20;

/// Where a trial's file without a name is made.
const FOLDERS: [&str; 2] = ["/var/tmp", "/tmp"];

/// Has a crew do it in the caller's own cgroup, for a moment; nothing is left of it.
pub(crate) fn try_out(trial: Trial) -> Result<(), TrialError> {
    let folder = match trial {
        Trial::Cpu | Trial::Memory => None,
        Trial::Disk | Trial::Fill => Some(open()?),
    };
    let mut process = Running::start()?;
    let end = monotonic_ns() + u64::try_from(PATIENCE.as_nanos()).unwrap_or_default();
    process.page().set(Word::Lease, end);
    process.tell(&trial.task(), folder.as_ref().map(OwnedFd::as_fd))?;
    process.page().set(Word::Deadline, end);
    let mut done = false;
    while !done && monotonic_ns() < end && process.ended().is_none() {
        done = trial.is_seen(process.page());
        let _slept = poll(&mut [], PollTimeout::from(1_u8));
    }
    let trouble = process.page().get(Word::Trouble);
    process.kill();
    if !process.await_end(PATIENCE) {
        let still = "the trial's worker was killed and still runs";
        return Err(TrialError::NotSeen(still.to_owned()));
    }
    if done {
        return Ok(());
    }
    let why = match i32::try_from(trouble) {
        Ok(errno) if errno != 0 => io::Error::from_raw_os_error(errno).to_string(),
        _ => "no reason was given".to_owned(),
    };
    let nothing = format!("the trial's worker did nothing: {why}");
    Err(TrialError::NotSeen(nothing))
}

impl Trial {
    fn task(self) -> Task {
        match self {
            Self::Cpu => Task::Cpu {
                workers: 1,
                load: 5_000,
            },
            Self::Memory => Task::Memory {
                bytes: BYTES,
                reserve: 0,
                ramp_ns: 0,
                pattern: Pattern::Random,
                oom_score: None,
            },
            Self::Disk => busy(),
            Self::Fill => filled(),
        }
    }

    /// Whether the worker has done what it is for.
    fn is_seen(self, page: &Page) -> bool {
        match self {
            Self::Cpu => page.get(Word::Busy) > 0,
            Self::Disk => page.get(Word::Writes) > 0 && page.get(Word::Reads) > 0,
            // The kernel adds up every 64 pages what a thread has got.
            Self::Memory => page.get(Word::Held) >= BYTES / 2,
            Self::Fill => page.get(Word::Held) >= BYTES,
        }
    }
}

fn open() -> Result<OwnedFd, TrialError> {
    let path = FOLDERS.into_iter().find(|path| Path::new(path).is_dir());
    let path = path.unwrap_or("/");
    folder::open(path, None).map_err(|source| TrialError::Folder { path, source })
}

fn busy() -> Task {
    Task::Disk {
        path: String::new(),
        seen_by: None,
        workers: 1,
        operations: Operations::Both,
        block: 4096,
        bytes: BYTES,
        rate: None,
        reserve: 0,
    }
}

fn filled() -> Task {
    Task::Fill {
        path: String::new(),
        seen_by: None,
        bytes: BYTES,
        reserve: 0,
    }
}
