//! A `caller` at the other end of a pipe: the process whose system calls are made to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use injector_core::fault::Errno;
use injector_user::target::command::{Held, Started, Streams};
use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::pipe2;

use crate::actor::Actor;
use crate::engine::signal;

/// Killed with this value.
#[derive(Debug)]
pub struct Caller {
    process: Started,
    /// Whether it has said that it is.
    ready: bool,
    says: BufReader<File>,
}

/// What each call gave, each time: an errno, or 0.
pub type Told = BTreeMap<String, Vec<i32>>;

impl Caller {
    /// Errors that none of its calls gives by itself.
    pub const ERRNOS: [&str; 6] = [
        "EIO",
        "ENOSPC",
        "ENOTUNIQ",
        "EDQUOT",
        "ETIMEDOUT",
        "EHWPOISON",
    ];

    /// So often that each of these errors is drawn.
    pub const TIMES: usize = 60;

    /// The numbers of [`Self::ERRNOS`].
    pub fn errnos() -> Result<BTreeSet<i32>> {
        let errnos = Self::ERRNOS.iter().map(|name| name.parse::<Errno>());
        let numbers = errnos.map(|errno| errno.map(Errno::number));
        numbers
            .collect::<Result<_, _>>()
            .map_err(anyhow::Error::msg)
    }

    /// The names of all calls that it can make.
    pub fn known() -> Result<Vec<String>> {
        let output = Command::new(program()?).arg("0").output()?;
        ensure!(output.status.success(), "{output:?}");
        let names = String::from_utf8(output.stdout)?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// One that will make these calls, so often in its first round and once in later ones.
    pub fn start(times: usize, calls: &[&str]) -> Result<Self> {
        Self::start_in(&std::env::temp_dir(), times, calls)
    }

    /// The same with its files below `folder`.
    pub fn start_in(folder: &Path, times: usize, calls: &[&str]) -> Result<Self> {
        let (says, streams) = Self::pipe()?;
        let held = Held::fork(&Self::command(folder, times, calls)?, streams, None, None)?;
        Self::of(held.release()?, says)
    }

    /// What one says, and what it reads and writes then.
    pub fn pipe() -> Result<(OwnedFd, Streams)> {
        let (says, output) = pipe2(OFlag::O_CLOEXEC)?;
        let streams = Streams {
            input: Some(File::open("/dev/null")?.into()),
            output: Some(output),
        };
        Ok((says, streams))
    }

    /// To be started by somebody else.
    pub fn command(folder: &Path, times: usize, calls: &[&str]) -> Result<Command> {
        let mut command = Command::new(program()?);
        command
            .env("TMPDIR", folder)
            .arg(times.to_string())
            .args(calls);
        Ok(command)
    }

    /// One that was started so, and what it says.
    pub fn of(process: Started, says: OwnedFd) -> Result<Self> {
        let mut caller = Self {
            process,
            ready: false,
            says: BufReader::new(says.into()),
        };
        caller.await_ready()?;
        Ok(caller)
    }

    /// Whether it has ended by itself, or was killed.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Lets it make its calls; when it has is for the caller to find out.
    pub fn begin(&mut self) -> Result<()> {
        self.await_ready()?;
        self.ready = false;
        signal(self.pid(), Signal::SIGUSR1)
    }

    /// What came of it. It must be able to write by now. It is ready for another round after that, once
    /// it can make what its calls are about.
    pub fn tell(&mut self) -> Result<Told> {
        signal(self.pid(), Signal::SIGUSR2)?;
        let line = self.line()?;
        serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))
    }

    /// A round that nothing keeps from telling at once.
    pub fn round(&mut self) -> Result<Told> {
        self.begin()?;
        self.tell()
    }

    fn await_ready(&mut self) -> Result<()> {
        if self.ready {
            return Ok(());
        }
        let line = self.line()?;
        ensure!(line == "ready\n", "it said {line:?}");
        self.ready = true;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if self.process.try_wait()?.is_none() {
            signal(self.pid(), Signal::SIGKILL)?;
            self.process.wait()?;
        }
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.says.read_line(&mut line)? == 0 {
            bail!("the caller has ended: {}", self.process.wait()?);
        }
        Ok(line)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let ended = self.end();
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}

fn program() -> Result<PathBuf> {
    Ok(Actor::program()?.with_file_name("caller"))
}
