//! What the tests of filters share.

use std::path::{Path, PathBuf};
use std::process::Child;

use anyhow::{Context as _, Result};
use serde_json::Value;
use temblor_tests::{Said, finish, wait_until};

use crate::stage::{DEADLINE, Stage};

const ERROR: &str = "syscall.error";

/// What a command under a fault wrote, and the fault's report.
#[derive(Debug)]
pub(super) struct Ran {
    /// Lines that the command wrote, without ours.
    pub(super) lines: Vec<String>,
    pub(super) report: Value,
}

/// Words of `temblor inject KIND … -- sh -c SCRIPT`.
fn words<'a>(kind: &'a str, given: &'a str, script: &'a str) -> Vec<&'a str> {
    let mut words = vec!["inject", kind, "--json", "--duration", "60s"];
    words.extend(given.split_whitespace());
    words.extend(["--backend", "seccomp", "--", "sh", "-c", script]);
    words
}

/// Runs a script of the shell under a fault, to its end.
pub(super) fn run(stage: &Stage, given: &str, script: &str) -> Result<Ran> {
    run_kind(stage, ERROR, given, script)
}

/// The same under another fault.
pub(super) fn run_kind(stage: &Stage, kind: &str, given: &str, script: &str) -> Result<Ran> {
    ran(&stage.cli().run(&words(kind, given, script))?)
}

/// Begins it, and waits until the script has made the file.
pub(super) fn begin(stage: &Stage, given: &str, script: &str, file: &Path) -> Result<Child> {
    let child = stage.cli().start(&words(ERROR, given, script))?;
    wait_until("the command has begun", DEADLINE, || file.exists())?;
    Ok(child)
}

/// What came of it after its engine had gone.
pub(super) fn lines_of(child: Child) -> Result<Vec<String>> {
    Ok(lines(&finish(child)?))
}

fn ran(said: &Said) -> Result<Ran> {
    Ok(Ran {
        lines: lines(said),
        report: said.json().with_context(|| format!("{said:?}"))?,
    })
}

/// Those that begin with a colon are the command's.
fn lines(said: &Said) -> Vec<String> {
    let lines = said.err.lines();
    let own = lines.filter_map(|line| line.strip_prefix(':'));
    own.map(str::to_owned).collect()
}

impl Ran {
    /// A counter of the report.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.report["counters"][name].as_u64()
    }
}

/// A folder, and a file in it.
pub(super) fn file(folder: &tempfile::TempDir, name: &str) -> Result<PathBuf> {
    let path = folder.path().join(name);
    std::fs::write(&path, "something")?;
    Ok(path)
}

/// Ends the stage once its commands, which have ended, are forgotten.
pub(super) fn close(stage: Stage) -> Result<()> {
    wait_until("ended commands are forgotten", DEADLINE, || {
        stage
            .engine
            .undo_entries()
            .is_ok_and(|left| left.len() <= 1)
    })
    .with_context(|| stage.engine.log())?;
    stage.close()
}

/// What an engine that was killed has left is undone by the next one.
pub(super) fn leave(mut stage: Stage) -> Result<()> {
    stage.engine.await_end()?;
    let said = stage.cli().run(&["undo"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    stage.close()
}
