//! A command that has been forked and is held back before exec.
//!
//! Until it is released it does nothing but wait, and it ends when whoever holds it goes away. It may be
//! given a filter for its system calls: it installs it, and then waits for whoever has the listener.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, IntoRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, close, dup, getpid, getppid, pipe2, read, write};

use super::command::{CommandError, Identity};
use crate::sys::fd::{pidfd_open, pidfd_signal};
use crate::sys::process::before_exec;
use crate::sys::seccomp::{Instruction, LONGEST, install, wait_for_listener};

/// Bytes of one instruction on its way.
const INSTRUCTION: usize = 8;

/// A forked process that has not executed its command yet. Dropping it ends the process.
#[derive(Debug)]
pub struct Held {
    pid: i32,
    program: String,
    release: File,
    reports: File,
    /// `spawn` returns only when the command has been executed or could not be.
    spawned: JoinHandle<io::Result<Child>>,
}

/// The same with a filter: it executes its command as soon as whoever has the listener lets it. Dropping
/// it ends the process.
#[derive(Debug)]
pub struct Filtered {
    pid: i32,
    pidfd: Option<OwnedFd>,
    listener: RawFd,
    program: String,
    spawned: Option<JoinHandle<io::Result<Child>>>,
}

impl Held {
    /// Forks a process group of its own for `command`, which then runs as `identity` or as the
    /// caller.
    pub fn fork(mut command: Command, identity: Option<Identity>) -> Result<Self, CommandError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let prepare = |source: io::Error| CommandError::Prepare {
            program: program.clone(),
            source,
        };
        let (wait_end, release_end) = pipe2(OFlag::O_CLOEXEC).map_err(|e| prepare(e.into()))?;
        let (reports, report_end) = pipe2(OFlag::O_CLOEXEC).map_err(|e| prepare(e.into()))?;
        let release_copy = release_end.as_raw_fd();
        let parent = getpid();
        // Made here: nothing may be allocated in the child.
        let mut filter = vec![Instruction::default(); LONGEST];
        command.process_group(0);
        before_exec(&mut command, move || {
            let length = hold(&wait_end, &report_end, release_copy, &mut filter)?;
            if let Some(filter) = filter.get(..length).filter(|filter| !filter.is_empty()) {
                be_filtered(filter, &report_end, parent)?;
            }
            Ok(identity.as_ref().map_or(Ok(()), Identity::assume)?)
        });
        let spawned = thread::Builder::new()
            .name("hold-command".to_owned())
            .spawn(move || command.spawn())
            .map_err(prepare)?;
        let mut reports = File::from(reports);
        match number(&mut reports) {
            Ok(pid) => Ok(Self {
                pid,
                program,
                release: release_end.into(),
                reports,
                spawned,
            }),
            // No process reported: then `spawn` knows why.
            Err(source) => Err(match spawned.join() {
                Ok(Err(source)) => CommandError::Start { program, source },
                _ => CommandError::Prepare { program, source },
            }),
        }
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Executes the command, now that it is where it should be.
    pub fn release(mut self) -> Result<Child, CommandError> {
        let program = self.program;
        // If this fails the process has ended, and `spawn` says so.
        let released = self.release.write_all(&0_u16.to_ne_bytes());
        drop(self.release);
        started(self.spawned, released).map_err(|source| CommandError::Start { program, source })
    }

    /// Has it install a filter of at most [`LONGEST`] instructions, of which it then waits for the
    /// listener. It does not outlive this process before it is executed.
    pub fn filter(mut self, filter: &[Instruction]) -> Result<Filtered, CommandError> {
        let program = self.program;
        let failed = |source| CommandError::Filter {
            program: program.clone(),
            source,
        };
        let pidfd = pidfd_open(Pid::from_raw(self.pid)).map_err(|errno| failed(errno.into()))?;
        let sent = encode(filter).and_then(|bytes| self.release.write_all(&bytes));
        let listener = sent.and_then(|()| number(&mut self.reports));
        match listener {
            Ok(listener) => Ok(Filtered {
                pid: self.pid,
                pidfd: Some(pidfd),
                listener,
                program,
                spawned: Some(self.spawned),
            }),
            Err(source) => Err(failed(source)),
        }
    }
}

impl Filtered {
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The number that the listener has, or is about to have, among its descriptors.
    pub fn listener(&self) -> RawFd {
        self.listener
    }

    /// Once whoever has the listener has let it go on: the running command.
    pub fn started(mut self) -> Result<Child, CommandError> {
        self.pidfd = None;
        let program = std::mem::take(&mut self.program);
        let spawned = self.spawned.take();
        let child = spawned.map_or_else(
            || Err(io::Error::other("it was started before")),
            |spawned| started(spawned, Ok(())),
        );
        child.map_err(|source| CommandError::Start { program, source })
    }
}

impl Drop for Filtered {
    fn drop(&mut self) {
        if let Some(pidfd) = &self.pidfd {
            // Nobody would ever answer it. It may have ended by itself.
            let _gone = pidfd_signal(pidfd.as_fd(), Signal::SIGKILL);
        }
    }
}

fn started(spawned: JoinHandle<io::Result<Child>>, released: io::Result<()>) -> io::Result<Child> {
    match spawned.join() {
        Ok(child) => child,
        Err(_panic) => released.and(Err(io::Error::other("the starting thread panicked"))),
    }
}

fn number(reports: &mut File) -> io::Result<i32> {
    let mut number = [0; 4];
    reports.read_exact(&mut number)?;
    Ok(i32::from_ne_bytes(number))
}

/// The length, and the instructions.
fn encode(filter: &[Instruction]) -> io::Result<Vec<u8>> {
    let fits = u16::try_from(filter.len()).ok();
    let length = fits.filter(|_| (1..=LONGEST).contains(&filter.len()));
    let length = length.ok_or(Errno::E2BIG)?;
    let mut bytes = length.to_ne_bytes().to_vec();
    for one in filter {
        bytes.extend(one.code.to_ne_bytes());
        bytes.extend([one.if_true, one.if_false]);
        bytes.extend(one.value.to_ne_bytes());
    }
    Ok(bytes)
}

fn decode(bytes: [u8; INSTRUCTION]) -> Instruction {
    let [low, high, if_true, if_false, a, b, c, d] = bytes;
    Instruction {
        code: u16::from_ne_bytes([low, high]),
        if_true,
        if_false,
        value: u32::from_ne_bytes([a, b, c, d]),
    }
}

/// Reports the pid of this process and waits to be released, maybe with a filter, of which the length
/// is given. Only system calls.
fn hold(
    wait_end: &OwnedFd,
    report_end: &OwnedFd,
    release_copy: RawFd,
    filter: &mut [Instruction],
) -> nix::Result<usize> {
    // Our copy would keep the pipe open when the other process closes its own.
    close(release_copy)?;
    report(report_end, getpid().as_raw())?;
    let mut length = [0; 2];
    read_all(wait_end.as_fd(), &mut length)?;
    let length = usize::from(u16::from_ne_bytes(length));
    for place in filter.get_mut(..length).ok_or(Errno::E2BIG)? {
        let mut bytes = [0; INSTRUCTION];
        read_all(wait_end.as_fd(), &mut bytes)?;
        *place = decode(bytes);
    }
    Ok(length)
}

fn read_all(from: BorrowedFd<'_>, bytes: &mut [u8]) -> nix::Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match read(from, rest)? {
            0 => return Err(Errno::ECANCELED),
            more => done += more,
        }
    }
    Ok(())
}

fn report(report_end: &OwnedFd, number: i32) -> nix::Result<()> {
    write(report_end, &number.to_ne_bytes()).map(drop)
}

/// Installs the filter, whose listener's number is told before, and waits until somebody has it. Only
/// system calls, of which each may be one that the filter tells of.
fn be_filtered(filter: &[Instruction], report_end: &OwnedFd, parent: Pid) -> nix::Result<()> {
    // Nobody would answer if the parent died now.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != parent {
        return Err(Errno::ECANCELED);
    }
    // The listener will have the lowest number that is free.
    let next = dup(report_end)?.into_raw_fd();
    close(next)?;
    report(report_end, next)?;
    let listener = match install(filter) {
        // Not root: then programs that would change who they run as do not.
        Err(Errno::EACCES) => prctl::set_no_new_privs().and_then(|()| install(filter)),
        installed => installed,
    }?;
    // Closed at exec. Until then it says that nothing was executed yet.
    let _open = listener.into_raw_fd();
    wait_for_listener()?;
    prctl::set_pdeathsig(None)
}
