//! Tools of the host that tests use to build and to look.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};

/// What a tool writes; an error with its complaint if it fails.
pub fn tool(program: &str, arguments: &[&str]) -> Result<String> {
    fed(program, arguments, "")
}

/// The same, with `input` to read.
pub fn fed(program: &str, arguments: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let called = || format!("`{program} {}`", arguments.join(" "));
    let mut child = command.spawn().with_context(called)?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} failed: {complaint}{input}",
        called()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a tool writes, or nothing if this host does not have it or it has nothing to say.
pub fn tool_if_any(program: &str, arguments: &[&str]) -> String {
    if absent().contains(program) {
        return String::new();
    }
    tool(program, arguments).unwrap_or_else(|error| {
        let kind = error.downcast_ref().map(io::Error::kind);
        if kind == Some(ErrorKind::NotFound) {
            absent().insert(program.to_owned());
        }
        String::new()
    })
}

/// Tools that were looked for in vain: in a guest that takes longer than to ask one that is there.
fn absent() -> MutexGuard<'static, BTreeSet<String>> {
    static ABSENT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    ABSENT.lock().unwrap_or_else(PoisonError::into_inner)
}
