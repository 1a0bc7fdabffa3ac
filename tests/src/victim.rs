//! A process that tells whether it runs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Answers every line with the same line, for as long as it may run. Killed with this value.
#[derive(Debug)]
pub struct Victim {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    asked: u64,
}

impl Victim {
    pub fn start() -> Result<Self> {
        Self::spawn(Command::new("cat"))
    }

    /// A victim in a network namespace of its own.
    pub fn start_in_own_netns() -> Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]);
        let mut victim = Self::spawn(command)?;
        // It answers only once it has become `cat`.
        anyhow::ensure!(
            victim.answers(Duration::from_secs(10))?,
            "`unshare --net cat` is silent"
        );
        Ok(victim)
    }

    fn spawn(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("failed to start a victim")?;
        let ask = child.stdin.take().context("stdin is piped")?;
        let answers = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            ask,
            answers: BufReader::new(answers),
            asked: 0,
        })
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or_default()
    }

    /// Whether it answers a new question within `patience`.
    pub fn answers(&mut self, patience: Duration) -> Result<bool> {
        self.asked += 1;
        // In one piece: a victim frozen between two would answer half a line.
        self.ask.write_all(format!("{}\n", self.asked).as_bytes())?;
        let begun = Instant::now();
        loop {
            let left = patience.saturating_sub(begun.elapsed());
            if self.answers.buffer().is_empty() && !self.is_readable(left)? {
                return Ok(false);
            }
            let mut line = String::new();
            self.answers.read_line(&mut line)?;
            // Earlier questions may be answered late.
            if line.trim_end() == self.asked.to_string() {
                return Ok(true);
            }
        }
    }

    /// Kills it now.
    pub fn end(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn is_readable(&self, patience: Duration) -> Result<bool> {
        let mut fds = [PollFd::new(
            self.answers.get_ref().as_fd(),
            PollFlags::POLLIN,
        )];
        Ok(poll(&mut fds, PollTimeout::try_from(patience)?)? > 0)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let killed = self.child.kill();
        let reaped = self.child.wait();
        assert!(
            std::thread::panicking() || (killed.is_ok() && reaped.is_ok()),
            "{killed:?} {reaped:?}"
        );
    }
}
