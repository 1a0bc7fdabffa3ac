//! A terminal of a known size, whose keys are pressed and whose screen is read by a test.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use temblor_tests::{tool, wait_until};

use crate::stage::DEADLINE;

/// A tmux server of our own, which ends with this value, and all that runs in it.
#[derive(Debug)]
pub(super) struct Pane {
    folder: tempfile::TempDir,
}

impl Pane {
    /// Runs a script of the shell in so many columns and lines.
    pub(super) fn open(script: &str, (columns, lines): (u16, u16)) -> Result<Self> {
        let pane = Self {
            folder: tempfile::tempdir()?,
        };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let size = ["-x", &columns, "-y", &lines];
        let words = [&["new-session", "-d"], &size[..], &[script]].concat();
        pane.tmux(&words)?;
        Ok(pane)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("tmux")
    }

    fn tmux(&self, words: &[&str]) -> Result<String> {
        let socket = self.socket();
        let socket = socket.to_str().context("a path of text")?;
        let own = ["-u", "-f", "/dev/null", "-S", socket];
        tool("tmux", &[&own[..], words].concat())
    }

    /// Keys as tmux calls them, such as `Enter`; others are typed.
    pub(super) fn press(&self, keys: &[&str]) -> Result<()> {
        self.tmux(&[&["send-keys"], keys].concat()).map(drop)
    }

    pub(super) fn resize(&self, (columns, lines): (u16, u16)) -> Result<()> {
        let (columns, lines) = (columns.to_string(), lines.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &lines])
            .map(drop)
    }

    /// What is on the screen.
    pub(super) fn text(&self) -> Result<String> {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the screen is as it should be, and gives it.
    pub(super) fn await_text(
        &self,
        what: &str,
        mut is_so: impl FnMut(&str) -> bool,
    ) -> Result<String> {
        let mut text = String::new();
        let waited = wait_until(what, DEADLINE, || {
            text = self.text().unwrap_or_default();
            is_so(&text)
        });
        waited.with_context(|| format!("the screen:\n{text}"))?;
        Ok(text)
    }

    /// The process that was started.
    pub(super) fn pid(&self) -> Result<i32> {
        let pid = self.tmux(&["display-message", "-p", "#{pane_pid}"])?;
        Ok(pid.trim().parse()?)
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // It has ended by itself if what ran in it has.
        let _ended = self.tmux(&["kill-server"]);
    }
}
