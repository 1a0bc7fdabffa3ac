//! Work that is looked at.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use injector_core::target::Selector;
use injector_user::freezer::Flavour;

use super::super::redis::requests;
use super::super::statistics::float;
use crate::cgroup::Cgroup;
use crate::demo::Server;
use crate::netns::Netns;

/// Something that can be done again and again, in a cgroup of its own.
pub(super) trait Work {
    /// Gets ready for a round: whom to look at.
    fn prepare(&mut self) -> Result<Vec<Selector>>;
    /// What it then does in a second.
    fn perform(&mut self) -> Result<f64>;
}

/// Requests of each command in a round.
const REQUESTS: usize = 60_000;
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7_006);

/// A server and whoever asks it.
pub(super) struct Redis {
    server: Server,
    cgroup: Cgroup,
    netns: Netns,
}

impl Redis {
    pub(super) fn start() -> Result<Self> {
        let netns = Netns::make("redis")?;
        let cgroup = Cgroup::make(Flavour::V2, "redis")?;
        let server = Server::start(&netns, ADDRESS, None)?;
        cgroup.enter(server.pid())?;
        Ok(Self {
            server,
            cgroup,
            netns,
        })
    }
}

impl Work for Redis {
    fn prepare(&mut self) -> Result<Vec<Selector>> {
        targets(&self.cgroup, self.server.pid())
    }

    fn perform(&mut self) -> Result<f64> {
        requests(&self.netns, ADDRESS, REQUESTS)
    }
}

/// Processes in a round.
const PROCESSES: usize = 2_000;
/// A file, not what the shell does itself under that name.
const SCRIPT: &str = r#"read go
while [ "$0" -gt "${done:=0}" ]; do /bin/true; done=$((done + 1)); done"#;

/// A shell that starts processes when it is told to.
pub(super) struct Storm {
    shell: Option<Shell>,
    cgroup: Cgroup,
}

impl Storm {
    pub(super) fn make() -> Result<Self> {
        let cgroup = Cgroup::make(Flavour::V2, "storm")?;
        Ok(Self {
            shell: None,
            cgroup,
        })
    }
}

impl Work for Storm {
    fn prepare(&mut self) -> Result<Vec<Selector>> {
        let shell = self.shell.insert(Shell::start()?);
        let pid = shell.0.id().cast_signed();
        self.cgroup.enter(pid)?;
        targets(&self.cgroup, pid)
    }

    fn perform(&mut self) -> Result<f64> {
        let shell = self.shell.take().context("it was prepared")?;
        let took = shell.run()?;
        Ok(float(PROCESSES) / took.as_secs_f64())
    }
}

/// Killed with this value.
struct Shell(Child);

impl Shell {
    fn start() -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, &PROCESSES.to_string()]);
        Ok(Self(command.stdin(Stdio::piped()).spawn()?))
    }

    /// How long it takes from being told.
    fn run(mut self) -> Result<Duration> {
        let mut orders = self.0.stdin.take().context("stdin is piped")?;
        let begun = Instant::now();
        orders.write_all(b"go\n")?;
        let status = self.0.wait()?;
        ensure!(status.success(), "the shell ended with {status}");
        Ok(begun.elapsed())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// The cgroup with all in it, and the process by itself.
fn targets(cgroup: &Cgroup, pid: i32) -> Result<Vec<Selector>> {
    let cgroup = cgroup.target().parse().map_err(anyhow::Error::msg)?;
    Ok(vec![cgroup, Selector::Pid(pid)])
}
