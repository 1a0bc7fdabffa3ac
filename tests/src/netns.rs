//! A network namespace made for one test.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use injector_user::sys::netns::within;

use crate::tell;
use crate::tool::tool;

/// Tells the namespaces of one process apart.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A named namespace that goes with this value; its processes must have ended by then.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Makes `tt-PID-NUMBER-NAME` with its loopback interface up.
    pub fn make(name: &str) -> Result<Self> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("tt-{}-{number}-{name}", std::process::id());
        tool("ip", &["netns", "add", &name])?;
        let netns = Self { name };
        tool("ip", &["-n", netns.name(), "link", "set", "lo", "up"])?;
        Ok(netns)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// Runs `action` in a thread inside the namespace; what it starts stays there.
    pub fn inside<T: Send>(&self, action: impl FnOnce() -> T + Send) -> Result<T> {
        let namespace = File::open(self.path())?;
        Ok(within(namespace.as_fd(), action)?)
    }

    /// Starts a process inside the namespace.
    pub fn spawn(&self, mut command: Command) -> Result<Child> {
        Ok(self.inside(move || command.spawn())??)
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let removed = tool("ip", &["netns", "del", &self.name]);
        // Not a panic: it would hide why the test failed. A test may have removed it itself.
        if removed.is_err() && self.path().exists() {
            tell(&format!("{} stays: {removed:?}", self.name));
        }
    }
}
