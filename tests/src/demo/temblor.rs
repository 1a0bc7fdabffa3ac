//! The `temblor` that everybody uses, as a program, with a folder of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_user::clock::monotonic_ns;
use injector_user::protocol::{Call, EngineStatus, FaultReport, Which};
use injector_user::safety::undo::Entry;
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Client, is_running, signal, temblor_program, wait_until};

/// Longer than an engine takes to leave on any machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program, and the folder of its engine; no engine outlives this value.
#[derive(Debug)]
pub(super) struct Temblor {
    program: PathBuf,
    folder: TempDir,
}

/// One call of the program; killed if it has not ended with this value.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    output: File,
    complaint: File,
}

/// What a call came to.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) status: ExitStatus,
    pub(super) output: String,
    pub(super) complaint: String,
}

/// An engine that was killed.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    pub(super) at_ns: u64,
    /// What was armed just before.
    pub(super) faults: Vec<FaultReport>,
}

impl Temblor {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            program: temblor_program()?,
            folder: tempfile::Builder::new().prefix("temblor-demo-").tempdir()?,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the program with these words, and its outputs kept for later.
    pub(super) fn start(&self, words: &[String], variables: &[(&str, String)]) -> Result<Process> {
        let (output, complaint) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env("TEMBLOR_RUN_DIR", self.folder())
            // The demo is root's from beginning to end: what it writes is given back as a whole.
            .env_remove("SUDO_UID")
            .env_remove("SUDO_GID")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(complaint.try_clone()?)
            // Ctrl-C is for the demo, which ends it in order.
            .process_group(0);
        let child = command.spawn();
        Ok(Process {
            child: child.with_context(|| self.program.display().to_string())?,
            output,
            complaint,
        })
    }

    /// How the engine is and what is armed; nothing if no engine runs.
    pub(super) fn status(&self) -> Result<Option<(EngineStatus, Vec<FaultReport>)>> {
        match self.client() {
            Some(mut client) => client.status().map(Some),
            None => Ok(None),
        }
    }

    /// Entries of the undo log that stand for a fault; an engine's own house is its own business.
    pub(super) fn undo_entries(&self) -> usize {
        let entries = self.folder().join("undo").read_dir();
        let texts = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
        let of_fault = |text: &String| {
            serde_json::from_str::<Entry>(text).map_or(true, |entry| entry.cause.fault.is_some())
        };
        texts.filter(of_fault).count()
    }

    /// Ends every fault, as `temblor stop` does.
    pub(super) fn stop(&self) -> Result<()> {
        if let Some(mut client) = self.client() {
            client.stop(Which::All)?;
        }
        Ok(())
    }

    /// Kills the engine at once, with whatever it is doing.
    pub(super) fn shoot(&self) -> Result<Shot> {
        let (engine, faults) = self.status()?.context("no engine runs")?;
        let at_ns = monotonic_ns();
        signal(engine.pid, Signal::SIGKILL)?;
        wait_until("engine and keeper have ended", PATIENCE, || {
            !is_running(engine.pid) && !is_running(engine.keeper)
        })?;
        Ok(Shot { at_ns, faults })
    }

    /// Lets the engine go, which it does when nothing is armed, and waits until it has.
    pub(super) fn leave(&self) -> Result<()> {
        let Some((engine, _)) = self.status()? else {
            return Ok(());
        };
        self.stop()?;
        if let Some(mut client) = self.client() {
            // It may close the connection instead of answering.
            drop(client.call(Call::Quit));
        }
        wait_until("the engine has left", PATIENCE, || {
            !is_running(engine.pid) && !is_running(engine.keeper)
        })?;
        Ok(())
    }

    fn client(&self) -> Option<Client> {
        Client::connect(&self.folder().join("engine.sock")).ok()
    }
}

impl Drop for Temblor {
    fn drop(&mut self) {
        if self.leave().is_err() {
            // It does not listen: its keeper undoes what it leaves.
            drop(self.shoot());
        }
    }
}

impl Process {
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it as Ctrl-C does.
    pub(super) fn interrupt(&self) -> Result<()> {
        signal(self.child.id().cast_signed(), Signal::SIGINT)
    }

    /// What it has said so far on its standard error.
    pub(super) fn complaint(&self) -> String {
        whole(&self.complaint).unwrap_or_default()
    }

    /// Waits for its end and takes what it said.
    pub(super) fn ending(mut self) -> Result<Ending> {
        wait_until("temblor has ended", PATIENCE, || self.has_ended())?;
        Ok(Ending {
            status: self.child.wait()?,
            output: whole(&self.output)?,
            complaint: whole(&self.complaint)?,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that has ended already is as good.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

impl Ending {
    /// The fault's report, which `inject --json` writes.
    pub(super) fn report(&self) -> Result<FaultReport> {
        let report = serde_json::from_str(&self.output);
        report.with_context(|| format!("{}: {}{}", self.status, self.output, self.complaint))
    }

    /// What `observe --json` counted of one series.
    pub(super) fn increase(&self, metric: &str, labels: &[(&str, &str)]) -> Result<u64> {
        let seen: Value = serde_json::from_str(&self.output)
            .with_context(|| format!("{}: {}{}", self.status, self.output, self.complaint))?;
        let series = seen["series"].as_array().context("a list of series")?;
        let is_it = |one: &&Value| {
            let mut labels = labels.iter();
            one["metric"] == metric && labels.all(|(name, value)| one["labels"][name] == *value)
        };
        // What did not occur is not in the list.
        Ok(series
            .iter()
            .find(is_it)
            .map_or(0, |one| one["increase"].as_u64().unwrap_or(0)))
    }

    pub(super) fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// The words of `temblor inject`.
pub(super) fn inject(fault: &str, parameters: &[(&str, &str)]) -> Vec<String> {
    let flags = parameters
        .iter()
        .flat_map(|(name, value)| [format!("--{}", name.replace('_', "-")), (*value).to_owned()]);
    let verb = ["inject", fault].map(str::to_owned);
    verb.into_iter()
        .chain(flags)
        .chain(["--json".to_owned()])
        .collect()
}

/// The words as somebody would type them.
pub(super) fn typed(words: &[String]) -> String {
    words.iter().fold("temblor".to_owned(), |mut line, word| {
        // Writing to a string cannot fail.
        let _written = write!(line, " {word}");
        line
    })
}

/// Everything in a file, without moving the position that is shared with whoever writes it.
fn whole(file: &File) -> Result<String> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
