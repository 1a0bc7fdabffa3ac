//! A real `redis-server`.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use procfs::process::{MMapPath, MemoryMap, Process};
use tempfile::TempDir;

use crate::{Netns, tool, wait_until};

/// Longer than a Redis takes to start on any machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis without persistence; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

/// What runs, behind whatever script has started it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) file: PathBuf,
    /// Folders that its libraries came from.
    pub(super) libraries: BTreeSet<PathBuf>,
}

/// What Redis is here.
pub(super) fn version() -> Result<String> {
    let text = tool("redis-server", &["--version"]).context("hint: `cargo xtask setup`")?;
    let version = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("v="));
    Ok(version.unwrap_or(text.trim()).to_owned())
}

impl Server {
    /// Starts one in a namespace and waits until it answers; a replica, until it has the data.
    pub(crate) fn start(
        netns: &Netns,
        address: SocketAddr,
        primary: Option<SocketAddr>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let server = Self {
            child: netns.spawn(command(address, primary, &folder))?,
            address,
            folder,
        };
        let ready = wait_until("Redis answers", PATIENCE, || {
            netns
                .inside(|| server.is_ready(primary.is_some()))
                .is_ok_and(|ready| ready)
        });
        ready.with_context(|| server.log())?;
        Ok(server)
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn program(&self) -> Result<Program> {
        let process = Process::new(self.pid())?;
        // Not what `LD_LIBRARY_PATH` says: Redis writes its title over its environment.
        let libraries = process.maps()?.into_iter().filter_map(library);
        Ok(Program {
            file: process.exe()?,
            libraries: libraries.collect(),
        })
    }

    fn is_ready(&self, replica: bool) -> bool {
        let asked = replication(self.address);
        asked.is_ok_and(|text| !replica || text.contains("master_link_status:up"))
    }

    fn log(&self) -> String {
        let log = self.folder.path().join("redis.log");
        fs::read_to_string(log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to save; a process that has ended already is as good.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The folder of a shared library, if it is one that is mapped here.
fn library(map: MemoryMap) -> Option<PathBuf> {
    let MMapPath::Path(file) = map.pathname else {
        return None;
    };
    let name = file.file_name()?.to_str()?;
    let folder = file.parent()?;
    name.contains(".so").then(|| folder.to_owned())
}

/// What a Redis says about its part in replication.
pub(super) fn replication(address: SocketAddr) -> redis::RedisResult<String> {
    let client = redis::Client::open((address.ip().to_string(), address.port()))?;
    let mut connection = client.get_connection_with_timeout(Duration::from_secs(1))?;
    redis::cmd("INFO").arg("replication").query(&mut connection)
}

fn command(address: SocketAddr, primary: Option<SocketAddr>, folder: &TempDir) -> Command {
    let text = |ip: IpAddr| ip.to_string();
    let mut command = Command::new("redis-server");
    command
        .args([
            "--bind",
            &text(address.ip()),
            "--port",
            &address.port().to_string(),
        ])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .args(["--protected-mode", "no", "--logfile", "redis.log", "--dir"])
        .arg(folder.path())
        // A replica has its data at once instead of after five seconds.
        .args(["--repl-diskless-sync-delay", "0"]);
    if let Some(primary) = primary {
        let (ip, port) = (text(primary.ip()), primary.port().to_string());
        command.args(["--replicaof", &format!("{ip} {port}")]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is for the demo, which ends it in order.
        .process_group(0);
    command
}
