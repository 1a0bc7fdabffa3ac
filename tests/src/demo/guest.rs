//! A client as the demo sees it: a process that tells what it feels.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use super::client::Load;
use super::tape::Tape;
use crate::{Docker, Netns};

/// A process in a namespace or container of its own; it ends with this value.
#[derive(Debug)]
pub(super) struct Guest {
    child: Child,
    tape: Tape,
}

impl Guest {
    /// Starts this very program as a client.
    pub(super) fn start(netns: &Netns, load: &Load) -> Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self::of(netns.spawn(loading(command, load))?)
    }

    /// Starts it in a container, where this program goes by another path.
    pub(super) fn start_in(
        (docker, container): (&Docker, &str),
        program: &str,
        load: &Load,
    ) -> Result<Self> {
        let command = docker.exec(container, program);
        Self::of(loading(command, load).spawn()?)
    }

    fn of(mut child: Child) -> Result<Self> {
        let output = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            tape: Tape::record(output),
        })
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub(super) fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // A process that has ended already is as good.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn loading(mut command: Command, load: &Load) -> Command {
    let Load {
        primary,
        replica,
        key,
    } = load;
    command
        .args(["client", "--primary", &primary.to_string(), "--key", key])
        .process_group(0);
    if let Some(replica) = replica {
        command.args(["--replica", &replica.to_string()]);
    }
    command
}
