//! A command that has been forked and is held back before exec.
//!
//! Until it is released it does nothing but wait, and it ends when whoever holds it goes away. It may be
//! given a filter for its system calls: it installs it, and then waits for whoever has the listener.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, IntoRawFd as _, OwnedFd, RawFd};
use std::process::{Command, ExitStatus};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{
    Pid, close, dup, dup2_stdin, dup2_stdout, getpid, getppid, pipe2, read, setpgid, write,
};

use super::command::{CommandError, Identity};
use crate::sys::exec::{Image, fresh_signals};
use crate::sys::process::{reap, split_bare, split_bare_into};
use crate::sys::seccomp::{Instruction, LONGEST, install, wait_for_listener};

/// Bytes of one instruction on its way.
const INSTRUCTION: usize = 8;

/// What a command ends with that was never executed.
const NOT_EXECUTED: i32 = 127;

/// A forked process that has not executed its command yet. Dropping it ends the process.
#[derive(Debug)]
pub struct Held {
    forked: Forked,
    release: File,
    is_inside: bool,
}

/// The same with a filter: it executes its command as soon as whoever has the listener lets it. Dropping
/// it ends the process.
#[derive(Debug)]
pub struct Filtered {
    forked: Forked,
    listener: RawFd,
}

/// The command, executed. It outlives this value.
#[derive(Debug)]
pub struct Started {
    pid: Pid,
    ended: Option<ExitStatus>,
}

/// What a command reads and writes; by default what we do.
#[derive(Debug, Default)]
pub struct Streams {
    pub input: Option<OwnedFd>,
    pub output: Option<OwnedFd>,
}

/// A process that is ours to end until its command runs.
#[derive(Debug)]
struct Forked {
    pid: Pid,
    program: String,
    /// Numbers that the process tells, a negated errno if it cannot go on; closed when it executes.
    reports: File,
    is_started: bool,
}

/// What the child needs, all of it made before the fork.
struct Outset {
    image: Image,
    streams: Streams,
    identity: Option<Identity>,
    filter: Vec<Instruction>,
    wait_end: OwnedFd,
    report_end: OwnedFd,
    /// Our copies of the other ends.
    theirs: [RawFd; 2],
    parent: Pid,
}

impl Held {
    /// Forks a process group of its own for `command`, of which program, arguments and environment
    /// count, and which then runs as `identity` or as the caller. It is born in `cgroup` where that can
    /// be: not before Linux 5.7, nor where the call is filtered, as Docker's filter does.
    pub fn fork(
        command: &Command,
        streams: Streams,
        identity: Option<Identity>,
        cgroup: Option<BorrowedFd<'_>>,
    ) -> Result<Self, CommandError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let prepare = |source: io::Error| CommandError::Prepare {
            program: program.clone(),
            source,
        };
        let image = Image::of(command).map_err(prepare)?;
        let (wait_end, release) = pipe2(OFlag::O_CLOEXEC).map_err(|e| prepare(e.into()))?;
        let (reports, report_end) = pipe2(OFlag::O_CLOEXEC).map_err(|e| prepare(e.into()))?;
        let mut outset = Outset {
            image,
            streams,
            identity,
            filter: vec![Instruction::default(); LONGEST],
            theirs: [release.as_raw_fd(), reports.as_raw_fd()],
            wait_end,
            report_end,
            parent: getpid(),
        };
        let born = cgroup.and_then(|cgroup| split_bare_into(cgroup, || outset.go()).ok());
        let is_inside = born.is_some();
        let pid = born.map_or_else(|| split_bare(|| outset.go()), Ok);
        Ok(Self {
            forked: Forked {
                pid: pid.map_err(|e| prepare(e.into()))?,
                program,
                reports: reports.into(),
                is_started: false,
            },
            release: release.into(),
            is_inside,
        })
    }

    pub fn pid(&self) -> i32 {
        self.forked.pid.as_raw()
    }

    /// Whether it is in the cgroup that it was to be born in.
    pub fn is_inside(&self) -> bool {
        self.is_inside
    }

    /// Executes the command, now that it is where it should be.
    pub fn release(mut self) -> Result<Started, CommandError> {
        // If this fails the process has ended, and has told why if it could.
        let released = self.release.write_all(&0_u16.to_ne_bytes());
        self.forked.executed(released)
    }

    /// Has it install a filter of at most [`LONGEST`] instructions, of which it then waits for the
    /// listener. It does not outlive this process before it is executed.
    pub fn filter(mut self, filter: &[Instruction]) -> Result<Filtered, CommandError> {
        let sent = encode(filter).and_then(|bytes| self.release.write_all(&bytes));
        let listener = sent.and_then(|()| self.forked.number());
        match listener {
            Ok(listener) => Ok(Filtered {
                forked: self.forked,
                listener,
            }),
            Err(source) => Err(CommandError::Filter {
                program: self.forked.program.clone(),
                source,
            }),
        }
    }
}

impl Filtered {
    pub fn pid(&self) -> i32 {
        self.forked.pid.as_raw()
    }

    /// The number that the listener has, or is about to have, among its descriptors.
    pub fn listener(&self) -> RawFd {
        self.listener
    }

    /// Once whoever has the listener has let it go on: the running command.
    pub fn started(self) -> Result<Started, CommandError> {
        self.forked.executed(Ok(()))
    }
}

impl Forked {
    /// The next number that it tells.
    fn number(&mut self) -> io::Result<i32> {
        let mut number = [0; 4];
        self.reports.read_exact(&mut number)?;
        match i32::from_ne_bytes(number) {
            number if number < 0 => Err(io::Error::from_raw_os_error(-number)),
            number => Ok(number),
        }
    }

    /// Waits until it has executed its command.
    fn executed(mut self, released: io::Result<()>) -> Result<Started, CommandError> {
        let failed = match (self.number(), released) {
            // It has closed its end: it was the last that had it.
            (Err(error), released) if error.kind() == io::ErrorKind::UnexpectedEof => {
                released.err()
            }
            (Err(error), _) => Some(error),
            (Ok(_number), _) => Some(io::Error::other("it tells more than it should")),
        };
        if let Some(source) = failed {
            let program = self.program.clone();
            return Err(CommandError::Start { program, source });
        }
        self.is_started = true;
        Ok(Started {
            pid: self.pid,
            ended: None,
        })
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        if !self.is_started {
            // Nobody would ever release it. It is our child, so its number is nobody else's.
            let _gone = kill(self.pid, Signal::SIGKILL);
            let _reaped = reap(self.pid, 0);
        }
    }
}

impl Started {
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.look(libc::WNOHANG)
    }

    /// How it ended, once it has.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let ended = self.look(0)?;
        ended.ok_or_else(|| io::Error::other("it has not ended"))
    }

    fn look(&mut self, options: i32) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = reap(self.pid, options)?;
        }
        Ok(self.ended)
    }
}

impl Outset {
    /// What the child does. Only system calls.
    fn go(&mut self) -> i32 {
        let Err(errno) = self.become_command();
        // If it cannot even tell, the other end sees that it has ended.
        let _told = report(&self.report_end, -(errno as i32));
        NOT_EXECUTED
    }

    fn become_command(&mut self) -> nix::Result<Infallible> {
        // Our copies would keep the pipes open when the other process closes its own.
        for end in self.theirs {
            close(end)?;
        }
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        fresh_signals()?;
        if let Some(input) = &self.streams.input {
            dup2_stdin(input)?;
        }
        if let Some(output) = &self.streams.output {
            dup2_stdout(output)?;
        }
        let length = hold(&self.wait_end, &mut self.filter)?;
        if let Some(filter) = self.filter.get(..length).filter(|it| !it.is_empty()) {
            be_filtered(filter, &self.report_end, self.parent)?;
        }
        if let Some(identity) = &self.identity {
            identity.assume()?;
        }
        self.image.execute()
    }
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

/// Waits to be released, maybe with a filter, of which the length is given. Only system calls.
fn hold(wait_end: &OwnedFd, filter: &mut [Instruction]) -> nix::Result<usize> {
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
