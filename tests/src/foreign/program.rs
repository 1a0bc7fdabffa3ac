//! Such a program, started.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::code::{COMPAT, RING};
use crate::elf::{self, Width};

/// How it makes its call, `connect` of a UDP socket to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// `int 0x80` of a 32-bit program.
    Compat,
    /// `IORING_OP_CONNECT`, kernel 5.5.
    Ring,
}

/// A program that waits for its input to make the call, and ends with its errno. Killed with this value.
#[derive(Debug)]
pub struct Foreign {
    child: Child,
    _folder: TempDir,
}

impl Foreign {
    pub fn start(manner: Manner) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("foreign");
        let program = match manner {
            Manner::Compat => elf::program(Width::Narrow, &COMPAT),
            Manner::Ring => elf::program(Width::Wide, &RING),
        };
        fs::write(&path, program)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        let child = Command::new(&path).stdin(Stdio::piped()).spawn();
        Ok(Self {
            child: child.with_context(|| format!("start a caller by {manner:?}"))?,
            _folder: folder,
        })
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Lets it make the call: its errno, or 0.
    pub fn call(&mut self) -> Result<i32> {
        drop(self.child.stdin.take().context("it has made its call")?);
        let ended = self.child.wait()?;
        ended
            .code()
            .with_context(|| format!("it was killed: {ended}"))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}
