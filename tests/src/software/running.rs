//! A program that runs until it is ended, or ends itself.

use std::process::{Child, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;

use crate::{signal, wait_until};

/// Longer than anything here takes to end, in a guest too.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ended with this value, if it has not ended by then.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// By which it ends at once, with its children.
    last: Signal,
}

impl Running {
    pub(super) fn of(child: Child, last: Signal) -> Self {
        Self { child, last }
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits until it has ended by itself.
    pub fn end(mut self) -> Result<ExitStatus> {
        wait_until("it ends", PATIENCE, || self.has_ended())?;
        Ok(self.child.wait()?)
    }

    /// Ends it by a signal, as an administrator would.
    pub fn stop(self, by: Signal) -> Result<ExitStatus> {
        signal(self.pid(), by).context("end it")?;
        self.end()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let told = signal(self.pid(), self.last);
        if told.is_err() || wait_until("it ends", PATIENCE, || self.has_ended()).is_err() {
            // What has ended meanwhile is as good.
            let _killed = self.child.kill().and_then(|()| self.child.wait());
        }
    }
}
