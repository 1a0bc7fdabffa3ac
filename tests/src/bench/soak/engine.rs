//! The engine of the soak: whoever answers at its socket, started by whoever needed it first.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use injector_user::protocol::{Answer, Call, Which};

use crate::client::Client;
use crate::engine::{is_running, temblor_program};
use crate::wait_until;

/// Longer than an engine takes to start or to leave on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Engine and keeper by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) engine: i32,
    pub(super) keeper: i32,
}

/// Where engines live; those that we have started are reaped with this value.
#[derive(Debug)]
pub(super) struct Home {
    folder: tempfile::TempDir,
    started: Vec<Child>,
}

impl Home {
    pub(super) fn make() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
            started: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path().join("engine.sock")
    }

    /// The engine that serves, which is started if there is none.
    pub(super) fn engine(&mut self) -> Result<Pair> {
        let mut found = greet(&self.socket());
        if found.is_err() {
            self.start()?;
            let socket = self.socket();
            wait_until("an engine answers", PATIENCE, || {
                found = greet(&socket);
                found.is_ok()
            })
            .with_context(|| self.log())?;
        }
        found
    }

    /// Ends every fault and the engine.
    pub(super) fn end(&mut self) -> Result<()> {
        let Pair { engine, keeper } = self.engine()?;
        let mut client = Client::connect(&self.socket())?;
        client.stop(Which::All)?;
        if let Err(failure) = client.call(Call::Quit)? {
            bail!("the engine does not leave: {failure:?}");
        }
        wait_until("engine and keeper have left", PATIENCE, || {
            !is_running(engine) && !is_running(keeper)
        })?;
        self.reap();
        let left = std::fs::read_dir(self.path().join("undo"))?.count();
        ensure!(left == 0, "{left} entries are left in the undo log");
        Ok(())
    }

    /// What engines have said.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("engine.log")).unwrap_or_default()
    }

    fn start(&mut self) -> Result<()> {
        self.reap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path().join("engine.log"))?;
        let child = Command::new(temblor_program()?)
            .arg("--run-dir")
            .arg(self.path())
            .args(["engine", "--idle-exit", "10m"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.started.push(child);
        Ok(())
    }

    fn reap(&mut self) {
        self.started
            .retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for child in &mut self.started {
            // After a failure: what an engine holds goes with it, and its keeper does the rest.
            let _ended = child.kill().and_then(|()| child.wait());
        }
    }
}

/// Who answers.
pub(super) fn greet(socket: &Path) -> Result<Pair> {
    match Client::connect(socket)?.call(Call::Hello)? {
        Ok(Answer::Hello { pid, keeper, .. }) => Ok(Pair {
            engine: pid,
            keeper,
        }),
        other => bail!("{other:?} instead of a greeting"),
    }
}
