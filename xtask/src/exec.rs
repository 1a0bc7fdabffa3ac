//! The only place that runs commands.
//!
//! Every command is shown before it runs, with the time since the start; a failure names the whole
//! command. Nothing here goes through a shell.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt,
    io::{self, IsTerminal as _, PipeReader, Read, Write as _},
    mem,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::geteuid,
};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// One command, not yet run.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
}

/// What a command said on both of its outputs, and how it ended.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: ExitStatus,
    pub(crate) text: String,
}

/// Says something, with the time since the start.
pub(crate) fn say(message: impl fmt::Display) {
    println!("[{:6.1} s] {message}", START.elapsed().as_secs_f64());
}

/// Whether commands need `sudo` to act as root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Where a program is: on `PATH`, or in the system folders that a user's `PATH` often lacks.
pub(crate) fn locate(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Step {
    Step::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

impl Step {
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: None,
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let pair = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.environment.push(pair);
        self
    }

    pub(crate) fn dir(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// The same command as root, environment included; unchanged when we are root.
    pub(crate) fn into_root(self) -> Result<Self> {
        if is_root() {
            return Ok(self);
        }
        let sudo = locate("sudo").context(
            "this needs root and there is no `sudo`; hint: run the same command as root",
        )?;
        let mut step = Self::new(sudo);
        if !io::stdin().is_terminal() {
            // Nobody could type a password: fail instead of waiting for one.
            step = step.arg("--non-interactive");
        }
        step = step.args(["--", "env"]);
        for (name, value) in &self.environment {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            step = step.arg(pair);
        }
        step = step.arg(&self.program).args(&self.arguments);
        step.folder = self.folder;
        Ok(step)
    }

    /// Runs it with our outputs and fails unless it succeeds.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self.status()?;
        ensure!(status.success(), "`{self}` failed: {status}");
        Ok(())
    }

    /// Runs it with our outputs.
    pub(crate) fn status(&self) -> Result<ExitStatus> {
        self.announce();
        let begun = Instant::now();
        let status = self.command().status();
        took(begun);
        status.with_context(|| format!("run `{self}`"))
    }

    /// Runs it with our outputs and also keeps what it says.
    pub(crate) fn hear(&self) -> Result<Heard> {
        self.announce();
        let begun = Instant::now();
        let heard = self.tee().with_context(|| format!("run `{self}`"));
        took(begun);
        heard
    }

    /// Runs it silently and returns what it prints; fails unless it succeeds.
    pub(crate) fn read(&self) -> Result<String> {
        let output = self.command().stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("run `{self}`"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "`{self}` failed: {}\n{errors}",
            output.status
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Like [`Self::read`], with its error output passed on while it runs.
    pub(crate) fn read_with_progress(&self) -> Result<String> {
        self.announce();
        let begun = Instant::now();
        let output = self.command().stderr(Stdio::inherit()).output();
        took(begun);
        let output = output.with_context(|| format!("run `{self}`"))?;
        ensure!(
            output.status.success(),
            "`{self}` failed: {}",
            output.status
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it silently and passes each line it prints on while it runs; killed after `limit`, when
    /// there is no status.
    pub(crate) fn watch(
        &self,
        limit: Duration,
        mut line: impl FnMut(&str),
    ) -> Result<Option<ExitStatus>> {
        let about = || format!("run `{self}`");
        let (mut reader, writer) = io::pipe().with_context(about)?;
        let mut command = self.command();
        command.stdin(Stdio::null());
        command.stdout(writer.try_clone()?).stderr(writer);
        let mut child = command.spawn().with_context(about)?;
        drop(command);
        let deadline = Instant::now() + limit;
        let mut lines = Lines::default();
        while awaits(&reader, deadline)? {
            if !lines.read(&mut reader, &mut line)? {
                return child.wait().map(Some).with_context(about);
            }
        }
        child.kill().with_context(about)?;
        child.wait().with_context(about)?;
        Ok(None)
    }

    fn announce(&self) {
        say(format_args!("$ {self}"));
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    fn tee(&self) -> io::Result<Heard> {
        let (mut reader, writer) = io::pipe()?;
        let mut command = self.command();
        command.stdout(writer.try_clone()?).stderr(writer);
        let mut child = command.spawn()?;
        // Our copies of the writing end: with them open, reading would never end.
        drop(command);
        let mut bytes = Vec::new();
        let mut chunk = [0; 8192];
        loop {
            let length = reader.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            io::stdout().write_all(&chunk[..length])?;
            io::stdout().flush()?;
            bytes.extend_from_slice(&chunk[..length]);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Heard {
            status: child.wait()?,
            text,
        })
    }
}

/// Bytes cut into lines.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Reads once; false at the end, where what is left counts as a line.
    fn read(&mut self, from: &mut impl Read, line: &mut impl FnMut(&str)) -> io::Result<bool> {
        let mut chunk = [0; 8192];
        let length = from.read(&mut chunk)?;
        for byte in &chunk[..length] {
            if *byte == b'\n' {
                line(&self.take());
            } else {
                self.rest.push(*byte);
            }
        }
        if length == 0 && !self.rest.is_empty() {
            line(&self.take());
        }
        Ok(length > 0)
    }

    fn take(&mut self) -> String {
        let bytes = mem::take(&mut self.rest);
        String::from_utf8_lossy(&bytes)
            .trim_end_matches('\r')
            .to_owned()
    }
}

/// Waits for something to read; false if the deadline comes first.
fn awaits(pipe: &PipeReader, deadline: Instant) -> Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("wait for output"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A whole `PATH` would hide the command behind it.
        let environment = self.environment.iter().filter(|(name, _)| name != "PATH");
        for (name, value) in environment {
            write!(f, "{}={} ", name.display(), value.display())?;
        }
        let program = Path::new(&self.program);
        write!(
            f,
            "{}",
            program.file_name().unwrap_or(&self.program).display()
        )?;
        for argument in &self.arguments {
            write!(f, " {}", argument.display())?;
        }
        Ok(())
    }
}

/// Says how long a step took when a reader would have wondered.
fn took(begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    if seconds >= 2.0 {
        say(format_args!("  took {seconds:.1} s"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Step;

    #[test]
    fn a_failure_names_the_whole_command() {
        let step = Step::new("sh").args(["-c", "exit 3"]);
        let error = step.read().unwrap_err().to_string();
        assert!(
            error.starts_with("`sh -c exit 3` failed: exit status: 3"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Step::new("no-such-program").read().unwrap_err();
        assert_eq!(error.to_string(), "run `no-such-program`");
    }

    #[test]
    fn both_outputs_are_heard() {
        let heard = Step::new("sh")
            .args(["-c", "echo one; echo two >&2"])
            .hear();
        assert_eq!(heard.unwrap().text, "one\ntwo\n");
    }

    #[test]
    fn lines_are_passed_on_and_the_last_needs_no_end() {
        let mut lines = Vec::new();
        let step = Step::new("sh").args(["-c", "printf 'one\r\ntwo'; exit 3"]);
        let status = step.watch(Duration::from_mins(1), |line| lines.push(line.to_owned()));
        assert_eq!(status.unwrap().unwrap().code(), Some(3));
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_silent_command_is_killed_at_its_limit() {
        let mut lines = Vec::new();
        let step = Step::new("sh").args(["-c", "echo one; exec sleep 1000"]);
        let status = step.watch(Duration::from_millis(100), |line| {
            lines.push(line.to_owned());
        });
        assert!(status.unwrap().is_none());
    }

    #[test]
    fn the_environment_is_passed_and_shown() {
        let step = Step::new("sh")
            .args(["-c", "echo $COLOUR"])
            .env("COLOUR", "red");
        assert_eq!(step.to_string(), "COLOUR=red sh -c echo $COLOUR");
        assert_eq!(step.read().unwrap(), "red\n");
    }
}
