//! The command line as a user has it.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

use crate::docker::Docker;
use crate::engine::{Engine, temblor_program};
use crate::netns::Netns;
use crate::wait_until;

/// Longer than any command takes that is not told to wait.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a command wrote and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// None if a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// The JSON document that it wrote.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("{self:?}"))
    }
}

/// `temblor` for one engine, in one network namespace.
#[derive(Debug)]
pub struct Cli<'a> {
    engine: &'a Engine,
    netns: &'a Netns,
    uid: u32,
    docker: Option<String>,
}

impl<'a> Cli<'a> {
    pub fn of(engine: &'a Engine, netns: &'a Netns) -> Self {
        Self {
            engine,
            netns,
            uid: 0,
            docker: None,
        }
    }

    /// The same for somebody who may ask this Docker Engine.
    #[must_use]
    pub fn asking(self, docker: &Docker) -> Self {
        Self {
            docker: Some(docker.host()),
            ..self
        }
    }

    /// The same for a user.
    #[must_use]
    pub fn by(self, uid: u32) -> Self {
        Self { uid, ..self }
    }

    /// Starts a command without waiting for it.
    pub fn start(&self, words: &[&str]) -> Result<Child> {
        let mut command = Command::new(temblor_program()?);
        command
            .args(words)
            .env("TEMBLOR_RUN_DIR", self.engine.run_dir())
            .env_remove("SSH_CONNECTION")
            .env(
                "DOCKER_HOST",
                self.docker.as_deref().unwrap_or("unix:///nowhere"),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if self.uid != 0 {
            command.uid(self.uid).gid(self.uid);
        }
        self.netns.spawn(command)
    }

    /// Runs a command to its end.
    pub fn run(&self, words: &[&str]) -> Result<Said> {
        finish(self.start(words)?)
    }
}

type Reading = JoinHandle<Result<String>>;

fn read(mut pipe: impl Read + Send + 'static) -> Reading {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text)?;
        Ok(text)
    })
}

/// Waits until a command ends by itself.
pub fn finish(mut child: Child) -> Result<Said> {
    // Read meanwhile: a full pipe would keep the command from ending.
    let out = read(child.stdout.take().context("stdout is piped")?);
    let err = read(child.stderr.take().context("stderr is piped")?);
    let mut status = None;
    let ended = wait_until("the command ends", PATIENCE, || {
        status = child.try_wait().ok().flatten();
        status.is_some()
    });
    if ended.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let all = |text: Reading| text.join().map_err(|_panic| anyhow!("reading panicked"))?;
    let (out, err) = (all(out)?, all(err)?);
    let code = status.and_then(|status| status.code());
    let said = Said { code, out, err };
    ended.with_context(|| format!("{said:?}"))?;
    Ok(said)
}
