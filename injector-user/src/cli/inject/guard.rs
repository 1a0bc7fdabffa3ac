//! The last one who looks after a command whose calls are answered.
//!
//! The engine answers; if it does not, the keeper lets every call pass. Should both be gone, the calls
//! would fail for good, so the command is killed; should both be stopped, they would wait for good, so
//! the keeper is told to go on.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use procfs::process::Process;

use crate::cli::failure::CliError;
use crate::sys::fd::{pidfd_open, pidfd_signal};
use crate::sys::poll::wait_readable;
use crate::target::end_members;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(40);

/// Looks after which a keeper that does not go on is given up.
const PATIENCE: u8 = 25;

/// Watches until it is dropped.
#[derive(Debug)]
pub(super) struct Guard {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Watched {
    pid: i32,
    pidfd: OwnedFd,
}

#[derive(Debug)]
struct Watch {
    stop: Arc<EventFd>,
    engine: Watched,
    keeper: Watched,
    /// The folder of the command's cgroup.
    cgroup: PathBuf,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Running,
    Stopped,
    Ended,
}

impl Guard {
    /// Begins before the command does.
    pub(super) fn post(engine: i32, keeper: i32, cgroup: PathBuf) -> Result<Self, CliError> {
        let wait = |errno: Errno| CliError::Wait(errno.into());
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let stop = Arc::new(EventFd::from_flags(flags).map_err(wait)?);
        let watch = Watch {
            stop: Arc::clone(&stop),
            engine: Watched::open(engine).map_err(wait)?,
            keeper: Watched::open(keeper).map_err(wait)?,
            cgroup,
        };
        let thread = thread::Builder::new()
            .name("guard-command".to_owned())
            .spawn(move || watch.run())
            .map_err(CliError::Wait)?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A counter that is already full has told it.
        let _full = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Watched {
    fn open(pid: i32) -> nix::Result<Self> {
        let pidfd = pidfd_open(Pid::from_raw(pid))?;
        Ok(Self { pid, pidfd })
    }

    fn look(&self) -> Doing {
        let ended = wait_readable([self.pidfd.as_fd()], Duration::ZERO);
        if ended.is_ok_and(|[ready]| !ready.is_empty()) {
            return Doing::Ended;
        }
        let stat = Process::new(self.pid).and_then(|process| process.stat());
        match stat {
            Ok(stat) if stat.state == 'T' => Doing::Stopped,
            _ => Doing::Running,
        }
    }
}

impl Watch {
    fn run(self) {
        let mut unanswered = 0;
        while unanswered <= PATIENCE {
            let told = wait_readable([self.stop.as_fd(), self.keeper.pidfd.as_fd()], LOOK);
            if told.is_ok_and(|[stop, _keeper]| !stop.is_empty()) {
                return;
            }
            match (self.keeper.look(), self.engine.look()) {
                (Doing::Ended, _) => break,
                (Doing::Running, _) | (Doing::Stopped, Doing::Running) => unanswered = 0,
                (Doing::Stopped, Doing::Stopped | Doing::Ended) => {
                    unanswered += 1;
                    // It may have ended since.
                    let _gone = pidfd_signal(self.keeper.pidfd.as_fd(), Signal::SIGCONT);
                }
            }
        }
        // What cannot be ended here was not ours to end.
        let _not_ended = end_members(&self.cgroup);
    }
}
