//! Finding the engine of a folder, or starting it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::unistd::{geteuid, setsid};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};

use super::connection::Client;
use super::fault::ClientError;
use crate::sys::process::before_exec;

/// The engine's socket in its folder.
pub const SOCKET: &str = "engine.sock";

/// What the engine says, in its folder.
pub const LOG: &str = "engine.log";

/// How long an engine may take to start.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an engine that runs may take to answer; it does one thing at a time.
const ANSWER: Duration = Duration::from_secs(3);
/// Between two attempts to connect; starting takes tens of milliseconds.
const STEP: Duration = Duration::from_millis(1);
const LOG_LINES: usize = 8;
const LOG_BYTES: u64 = 16 * 1024;

/// Connects to a running engine, and never starts one.
pub async fn connect(run_dir: &Path) -> Result<Client, ClientError> {
    let socket = run_dir.join(SOCKET);
    match UnixStream::connect(&socket).await {
        Ok(stream) => Ok(Client::over(stream)),
        Err(source) => Err(match source.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                ClientError::NotRunning { socket }
            }
            ErrorKind::PermissionDenied => ClientError::NeedsRoot,
            _ => ClientError::Connect { socket, source },
        }),
    }
}

/// Connects to the engine of `run_dir`, which is started if there is none.
pub async fn connect_or_start(run_dir: &Path) -> Result<Client, ClientError> {
    let client = match connect(run_dir).await {
        Err(ClientError::NotRunning { .. }) => start(run_dir).await?,
        found => found?,
    };
    client.greet(ANSWER).await?;
    Ok(client)
}

async fn start(run_dir: &Path) -> Result<Client, ClientError> {
    if !geteuid().is_root() {
        return Err(ClientError::NeedsRoot);
    }
    let log = run_dir.join(LOG);
    let before = fs::metadata(&log).map_or(0, |data| data.len());
    let program = PathBuf::from("/proc/self/exe");
    let mut engine = spawn(&program, run_dir, &log).map_err(|source| ClientError::Start {
        path: fs::read_link(&program).unwrap_or(program),
        source,
    })?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connect(run_dir).await {
            Err(ClientError::NotRunning { .. }) => {}
            found => return found,
        }
        // An engine that ends well has left the field to one that somebody else has just started.
        if let Ok(Some(status)) = engine.try_wait()
            && !status.success()
        {
            let log = last_lines(&log, before);
            return Err(ClientError::Ended { status, log });
        }
        if Instant::now() > deadline {
            let log = last_lines(&log, before);
            let patience = PATIENCE;
            return Err(ClientError::Slow { patience, log });
        }
        sleep(STEP).await;
    }
}

/// Starts an engine that outlives us: a session of its own, and nothing of ours open.
fn spawn(program: &Path, run_dir: &Path, log: &Path) -> io::Result<Child> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(run_dir)?;
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log)?;
    let mut command = Command::new(program);
    command
        .arg("--run-dir")
        .arg(run_dir)
        .arg("engine")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    before_exec(&mut command, || Ok(setsid().map(drop)?));
    command.spawn()
}

/// The last lines that were written to the log after its first `before` bytes.
fn last_lines(log: &Path, before: u64) -> String {
    let text = read_from(log, before).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LOG_LINES);
    lines.get(first..).unwrap_or_default().join("\n")
}

fn read_from(log: &Path, before: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(
        before.max(length.saturating_sub(LOG_BYTES)),
    ))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
