//! A shell that waits to be told, and then does what its script says.

use std::fmt::Display;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Killed with this value.
#[derive(Debug)]
pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Shell {
    /// Does `before` at once, and `script` when it is told to.
    pub(super) fn start(before: &str, script: impl Display) -> Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{before}\nread go\n{script}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            child,
            input: input.context("its input")?,
            output: BufReader::new(output.context("its output")?),
        })
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub(super) fn go(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"go\n")?)
    }

    /// The next line that it writes.
    pub(super) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "it has written less");
        Ok(line)
    }

    /// Waits until it has done everything.
    pub(super) fn end(mut self) -> Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "the shell: {status}");
        Ok(())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It may have ended.
        let ended = self.child.kill().and_then(|()| self.child.wait());
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}
