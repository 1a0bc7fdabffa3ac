//! Commands, each in a process group of its own that does not outlive its timeout.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use injector_core::experiment::{Arguments, Process};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{AccessFlags, Pid, access};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use crate::sys::descriptors;

/// What is kept of an output; the rest is read and dropped, so that the command is not held up.
const LONGEST_OUTPUT: usize = 1 << 20;

/// Why a command has no answer.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// There is no such program.
    #[error("there is no program `{path}` to be found")]
    NotFound {
        /// As the experiment says.
        path: String,
    },
    /// It could not be started.
    #[error("failed to start `{path}`")]
    Start {
        /// What was to be started.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Its end or output could not be read.
    #[error("failed to wait for `{path}`")]
    Wait {
        /// What was started.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// It took too long, and was killed with all it had started.
    #[error("`{path}` took longer than {limit:?} and was killed")]
    Timeout {
        /// What was started.
        path: String,
        /// How long it might have taken.
        limit: Duration,
    },
}

/// Runs the command and answers `{status, stdout, stderr}`; a signal is a negative status.
///
/// When the future is dropped, the command and what it started are killed.
pub(in crate::runner) async fn call(
    process: &Process,
    environment: &BTreeMap<String, String>,
) -> Result<Value, ProcessError> {
    let Some(program) = find(&process.path) else {
        return Err(ProcessError::NotFound {
            path: process.path.clone(),
        });
    };
    let path = || program.display().to_string();
    let mut command = command(&program, &process.arguments);
    let started = start(command.envs(environment));
    let mut child = started.map_err(|source| ProcessError::Start {
        path: path(),
        source,
    })?;
    let mut group = Group(child.id());
    let work = outputs(&mut child);
    let done = match process.timeout {
        None => Some(work.await),
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
    };
    let Some(done) = done else {
        group.kill();
        // Reaped here, so that no zombie is left behind.
        child.wait().await.map_err(|source| ProcessError::Wait {
            path: path(),
            source,
        })?;
        group.release();
        return Err(ProcessError::Timeout {
            path: path(),
            limit: process.timeout.unwrap_or_default(),
        });
    };
    // What it left running in its group on purpose, such as a server, may go on.
    group.release();
    let (status, stdout, stderr) = done.map_err(|source| ProcessError::Wait {
        path: path(),
        source,
    })?;
    Ok(json!({ "status": code(status), "stdout": stdout, "stderr": stderr }))
}

/// Starts it in a process group of its own.
fn start(command: &mut Command) -> io::Result<Child> {
    descriptors::as_inherited(command.as_std_mut());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// The program a name or path stands for, as a shell would find it.
pub(in crate::runner) fn find(path: &str) -> Option<PathBuf> {
    let expanded = match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    };
    let runnable = |path: &Path| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    if expanded.components().count() > 1 || expanded.is_absolute() {
        return Some(expanded).filter(|path| runnable(path));
    }
    let directories = std::env::var_os("PATH")?;
    std::env::split_paths(&directories)
        .map(|directory| directory.join(&expanded))
        .find(|path| runnable(path))
}

fn command(program: &Path, arguments: &Arguments) -> Command {
    match arguments {
        Arguments::Shell(text) => {
            let mut command = Command::new("/bin/sh");
            command
                .arg("-c")
                .arg(format!("{} {text}", program.display()));
            command
        }
        Arguments::List(list) => {
            let mut command = Command::new(program);
            command.args(list);
            command
        }
        Arguments::Named(pairs) => {
            let words = pairs.iter().flat_map(|(name, value)| [name, value]);
            let mut command = Command::new(program);
            command.args(words.filter(|word| !word.is_empty()));
            command
        }
    }
}

async fn outputs(child: &mut Child) -> io::Result<(ExitStatus, String, String)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr, status) = tokio::join!(read(stdout), read(stderr), child.wait());
    Ok((status?, stdout?, stderr?))
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut pipe) = pipe else {
        return Ok(String::new());
    };
    let mut kept = Vec::new();
    // On the heap: two of them in every future would make it large.
    let mut chunk = vec![0; 8192];
    loop {
        let length = pipe.read(&mut chunk).await?;
        if length == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        let room = LONGEST_OUTPUT.saturating_sub(kept.len()).min(length);
        kept.extend_from_slice(&chunk[..room]);
    }
}

/// Python's return code: a signal is negative.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status
        .code()
        .or_else(|| status.signal().map(|signal| -signal))
        .unwrap_or(-1)
}

/// The process group of a command that was not reaped yet, killed when dropped.
#[derive(Debug)]
struct Group(Option<u32>);

impl Group {
    fn kill(&self) {
        // The leader was not reaped, so its number cannot belong to another group.
        if let Some(group) = self.0.and_then(|id| i32::try_from(id).ok()) {
            // It may have ended by itself, and nothing more can be done about a refusal.
            let _already_gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }

    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
