//! A program without a C library.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use temblor_tests::Actor;
use temblor_tests::software::bare;

use super::fault::Fault;

const EIO: i32 = 5;

/// Who opens the file and tells what came of it: a shell waits to be told, becomes the program, and is
/// the same process.
fn check(faulted: bool) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (file, go) = (folder.path().join("file"), folder.path().join("go"));
    std::fs::write(&file, "content")?;
    let program = bare(folder.path(), &file)?;
    let script = format!(
        "while [ ! -e {} ]; do :; done; exec {}",
        go.display(),
        program.display()
    );
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .spawn()?;
    let sibling = Actor::start()?;
    let who = if faulted {
        child.id().cast_signed()
    } else {
        sibling.pid()
    };
    let file = file.to_str().context("a name")?;
    let fault = Fault::begin(&[
        ("target", &format!("pid:{who}")),
        ("syscalls", "openat"),
        ("path", file),
        ("errno", "EIO"),
    ])?;
    std::fs::write(&go, "")?;
    let status = child.wait()?;
    let report = fault.end()?;
    let expected = if faulted { EIO } else { 0 };
    assert_eq!(status.code(), Some(expected), "{report:?}");
    assert_eq!(report.counters.injected, u64::from(faulted), "{report:?}");
    drop(sibling);
    Ok(())
}

#[test]
fn what_it_asks_the_kernel_for_fails() -> Result<()> {
    check(true)
}

#[test]
fn nothing_of_it_fails_if_somebody_else_is_meant() -> Result<()> {
    check(false)
}
