//! A Redis that keeps its data in an append-only file.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use redis::{Client, Commands as _, Connection, RedisResult};
use tempfile::TempDir;

use super::folder;
use super::running::Running;
use crate::wait_until;

/// Longer than it takes to start, in a guest too.
const PATIENCE: Duration = Duration::from_mins(1);

/// What it promises.
#[derive(Clone, Copy, Debug)]
pub enum Policy {
    /// What is acknowledged is on the disk: `appendfsync always`.
    Always,
    /// What is acknowledged is there in a second: `appendfsync everysec`.
    EverySecond,
}

/// Its files, whether it runs or not.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    policy: Policy,
}

impl Redis {
    /// One that has run already: its files are there, and empty.
    pub fn make(policy: Policy) -> Result<Self> {
        let folder = folder()?;
        let redis = Self { folder, policy };
        redis.start()?.stop(Signal::SIGTERM)?;
        Ok(redis)
    }

    /// The command that starts it.
    pub fn words(&self) -> Vec<String> {
        let folder = self.folder.path().display();
        let policy = match self.policy {
            Policy::Always => "always",
            Policy::EverySecond => "everysec",
        };
        let socket = self.socket();
        let socket = socket.display();
        format!(
            "redis-server --port 0 --unixsocket {socket} --daemonize no --save  --appendonly yes \
             --appendfsync {policy} --dir {folder} --logfile {folder}/redis.log"
        )
        .split(' ')
        .map(str::to_owned)
        .collect()
    }

    /// The file that it appends to.
    pub fn journal(&self) -> Result<PathBuf> {
        let folder = self.folder.path().join("appendonlydir");
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(".incr.aof") {
                return Ok(path);
            }
        }
        anyhow::bail!("it appends to no file: {}", self.log())
    }

    /// Starts it and waits until it answers.
    pub fn start(&self) -> Result<Running> {
        let words = self.words();
        let (program, arguments) = words.split_first().context("a program")?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {program}"))?;
        let running = Running::of(child, Signal::SIGKILL);
        self.connect()?;
        Ok(running)
    }

    /// Waits until it answers.
    pub fn connect(&self) -> Result<Connection> {
        let mut connection = None;
        let answers = wait_until("Redis answers", PATIENCE, || {
            connection = self.try_connect().ok();
            connection.is_some()
        });
        answers.with_context(|| self.log())?;
        connection.context("a connection")
    }

    fn try_connect(&self) -> RedisResult<Connection> {
        let client = Client::open(format!("redis+unix://{}", self.socket().display()))?;
        let mut connection = client.get_connection()?;
        let _pong: String = redis::cmd("PING").query(&mut connection)?;
        Ok(connection)
    }

    /// Writes numbers in this order until one is refused; those that were acknowledged, and what was said
    /// instead for the one that was not.
    pub fn write(
        connection: &mut Connection,
        numbers: impl IntoIterator<Item = u32>,
    ) -> (BTreeSet<u32>, Option<String>) {
        let mut kept = BTreeSet::new();
        for number in numbers {
            let written: RedisResult<()> = connection.set(number, "kept");
            if let Err(error) = written {
                return (kept, Some(error.to_string()));
            }
            kept.insert(number);
        }
        (kept, None)
    }

    /// Writes a number as soon as it is not refused any more.
    pub fn write_again(connection: &mut Connection, number: u32) -> Result<u32> {
        wait_until("Redis takes writes again", PATIENCE, || {
            Self::write(connection, [number]).1.is_none()
        })?;
        Ok(number)
    }

    /// Every number that it has.
    pub fn numbers(connection: &mut Connection) -> Result<BTreeSet<u32>> {
        let keys: Vec<String> = connection.keys("*")?;
        let numbers = keys.iter().map(|key| Ok(key.parse()?));
        numbers.collect()
    }

    /// Starts it once more and looks whether it has exactly these.
    pub fn check_kept(&self, kept: &BTreeSet<u32>) -> Result<()> {
        let running = self.start()?;
        let found = Self::numbers(&mut self.connect()?)?;
        ensure!(found == *kept, "it has {found:?} instead of {kept:?}");
        running.stop(Signal::SIGTERM)?;
        Ok(())
    }

    /// What it has written about itself.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("redis.log")).unwrap_or_default()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}
