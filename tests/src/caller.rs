//! A `caller` at the other end of a pipe: the process whose system calls are made to fail.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::actor::Actor;
use crate::engine::signal;

/// Killed with this value.
#[derive(Debug)]
pub struct Caller {
    /// A child of ours.
    pid: Pid,
    /// Whether it has said that it is.
    ready: bool,
    says: BufReader<File>,
}

/// What each call gave, each time: an errno, or 0.
pub type Told = BTreeMap<String, Vec<i32>>;

impl Caller {
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
        let mut command = Self::command(folder, times, calls)?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.context("start a caller")?;
        let says = child.stdout.take().context("stdout is piped")?;
        Self::of(child.id().cast_signed(), says.into())
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

    /// A child that was started so, and what it says.
    pub fn of(pid: i32, says: OwnedFd) -> Result<Self> {
        let mut caller = Self {
            pid: Pid::from_raw(pid),
            ready: false,
            says: BufReader::new(says.into()),
        };
        caller.await_ready()?;
        Ok(caller)
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
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

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.says.read_line(&mut line)? == 0 {
            bail!("the caller has ended: {:?}", waitpid(self.pid, None)?);
        }
        Ok(line)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let ended = kill(self.pid, Signal::SIGKILL).and_then(|()| waitpid(self.pid, None));
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}

fn program() -> Result<PathBuf> {
    Ok(Actor::program()?.with_file_name("caller"))
}
