//! Processes that are killed exactly before, or exactly after, one of their calls.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use nix::sys::signal::Signal;
use temblor_tests::{Armed, Client, Engine, params, wait_until};

use crate::ending::Ending;
use crate::syscalls::DEADLINE;

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

/// A fault that kills at the fourth write to a file of this kind.
fn arm(client: &mut Client, victim: &Writer, [kind, moment, duration]: [&str; 3]) -> Result<Armed> {
    let target = format!("pid:{}", victim.child.id());
    let given = [
        ("target", &*target),
        ("duration", duration),
        ("syscalls", "write"),
        ("fd", kind),
        ("when", "4"),
        ("moment", moment),
    ];
    client.arm(Kind::ProcessCrash, &params(given))
}

/// Killed then, and not its sibling.
fn check(kind: &str, moment: &str, expected: (usize, usize)) -> Result<()> {
    let (victim, sibling) = (Writer::start()?, Writer::start()?);
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let armed = arm(&mut client, &victim, [kind, moment, "10m"])?;
    let (piped, written, signal) = victim.lines()?;
    assert_eq!((piped, written), expected);
    assert_eq!(signal, Some(Signal::SIGKILL as i32));
    assert_eq!(sibling.lines()?, (10, 10, None));
    let report = client.stop_one(&armed)?;
    assert_eq!((report.counters.matched, report.counters.injected), (4, 1));
    engine.end()
}

/// Longer than a lease, and than the shortest fault here.
const OVER: Duration = Duration::from_secs(10);

/// Not killed any more, however it ended.
fn check_gone(moment: &str) -> Result<()> {
    for ending in Ending::ALL {
        let victim = Writer::start()?;
        let engine = Engine::start()?;
        let mut client = engine.client()?;
        let armed = arm(&mut client, &victim, ["file", moment, ending.duration()])?;
        let (begun, _kept) = (Instant::now(), ending.bring(&engine, client, &armed)?);
        wait_until("it is over", DEADLINE, || begun.elapsed() > OVER)?;
        assert_eq!(victim.lines()?, (10, 10, None), "{ending:?}");
    }
    Ok(())
}

#[test]
fn before_a_call_nobody_is_killed_when_it_is_over() -> Result<()> {
    check_gone("before")
}

#[test]
fn after_a_call_nobody_is_killed_when_it_is_over() -> Result<()> {
    check_gone("after")
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
