//! The line to the host.

use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use nix::sys::termios::{OutputFlags, SetArg, tcgetattr, tcsetattr};

/// A serial port.
#[derive(Debug)]
pub(crate) struct Said {
    port: File,
}

impl Said {
    pub(crate) fn to(port: &str) -> Result<Self> {
        let port = File::options().read(true).write(true).open(port);
        let port = port.context("open the port to the host")?;
        let mut settings = tcgetattr(&port)?;
        // Lines end as they were written.
        settings.output_flags.remove(OutputFlags::OPOST);
        tcsetattr(&port, SetArg::TCSANOW, &settings)?;
        Ok(Self { port })
    }

    /// Says one thing.
    pub(crate) fn line(&self, text: &str) -> Result<()> {
        let text = text.replace('\n', "; ");
        // In one piece, and on a line of its own whatever was said before.
        let line = format!("\ntemblor-guest: {text}\n");
        Ok((&self.port).write_all(line.as_bytes())?)
    }

    /// For whoever else has something to say.
    pub(crate) fn stdio(&self) -> Result<Stdio> {
        Ok(self.port.try_clone()?.into())
    }
}
