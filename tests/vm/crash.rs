//! Processes that are killed exactly before, or exactly after, one of their calls.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt as _;
use temblor_tests::{Engine, params};

/// Writes ten lines, to its output and to a file, once it may.
const SCRIPT: &str =
    "read go; for i in 0 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&3; done 3>>\"$0\"";

struct Writer {
    child: Child,
    folder: tempfile::TempDir,
}

impl Writer {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let child = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(folder.path().join("lines"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self { child, folder })
    }

    /// Lets it go on to its end: how many lines have come through the pipe, how many are in the file, and
    /// by which signal it ended.
    fn lines(mut self) -> Result<(usize, usize, Option<i32>)> {
        let mut go = self.child.stdin.take().context("piped")?;
        go.write_all(b"go\n")?;
        let mut told = String::new();
        let mut out = self.child.stdout.take().context("piped")?;
        out.read_to_string(&mut told)?;
        let status = self.child.wait()?;
        let written = fs::read_to_string(self.folder.path().join("lines"))?;
        Ok((
            told.lines().count(),
            written.lines().count(),
            status.signal(),
        ))
    }
}

/// Killed at its fourth write to a file of this kind.
fn check(kind: &str, moment: &str, expected: (usize, usize)) -> Result<()> {
    let (victim, sibling) = (Writer::start()?, Writer::start()?);
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let target = format!("pid:{}", victim.child.id());
    let given = [
        ("target", &*target),
        ("duration", "10m"),
        ("syscalls", "write"),
        ("fd", kind),
        ("when", "4"),
        ("moment", moment),
    ];
    let armed = client.arm(Kind::ProcessCrash, &params(given))?;
    let (piped, written, signal) = victim.lines()?;
    assert_eq!((piped, written), expected);
    assert_eq!(signal, Some(Signal::SIGKILL as i32));
    assert_eq!(sibling.lines()?, (10, 10, None));
    let report = client.stop_one(&armed)?;
    assert_eq!((report.counters.matched, report.counters.injected), (4, 1));
    engine.end()
}

#[test]
fn before_the_fourth_write_to_a_file_three_are_there() -> Result<()> {
    check("file", "before", (4, 3))
}

#[test]
fn before_the_fourth_write_to_a_pipe_three_have_come() -> Result<()> {
    check("pipe", "before", (3, 3))
}

#[test]
fn after_the_fourth_write_to_a_file_four_are_there() -> Result<()> {
    check("file", "after", (4, 4))
}

#[test]
fn after_the_fourth_write_to_a_pipe_four_have_come() -> Result<()> {
    check("pipe", "after", (4, 3))
}
