//! A process that makes one cheap system call again and again and notes how long it takes: this program,
//! started again, by itself or by whoever makes its calls fail or watches them.

use std::env;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use injector_user::clock::monotonic_ns;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, getsockname, socket};
use nix::unistd::{getpgid, getsid};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::statistics::{float, median};

/// The call that is measured where any will do.
pub(super) const CALL: &str = Cheap::Getpgid.name();

/// A call that takes next to nothing.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Cheap {
    Getpgid,
    /// A cgroup has a hook there.
    Socket,
    /// A security hook where one can sleep is there.
    Getsockname,
    /// Another one, whence the call can be made once more.
    Read,
}

impl Cheap {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Getpgid => "getpgid",
            Self::Socket => "socket",
            Self::Getsockname => "getsockname",
            Self::Read => "read",
        }
    }

    /// What makes it once and tells whether it succeeded.
    fn once(self) -> Result<Box<dyn Fn() -> bool>> {
        Ok(match self {
            Self::Getpgid => Box::new(|| getpgid(None).is_ok()),
            Self::Socket => Box::new(|| a_socket().is_ok()),
            Self::Getsockname => {
                let socket = a_socket()?;
                Box::new(move || getsockname::<SockaddrIn>(socket.as_raw_fd()).is_ok())
            }
            Self::Read => {
                let nothing = File::open("/dev/null")?;
                Box::new(move || (&nothing).read(&mut [0]).is_ok())
            }
        })
    }
}

fn a_socket() -> nix::Result<OwnedFd> {
    let (family, kind) = (AddressFamily::Inet, SockType::Datagram);
    socket(family, kind, SockFlag::empty(), None)
}

/// Calls between two looks at the clock.
const BATCH: usize = 100;

/// Fewer calls in all than strace can count.
const BATCHES: usize = 40;

/// What it felt.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Felt {
    /// The median of its batches, in nanoseconds a call.
    pub(super) call_ns: f64,
    /// When the first call came back that failed; it ends with that one.
    pub(super) failed_ns: Option<u64>,
}

/// Makes its calls and writes into that file what it felt.
pub(super) fn live(file: &Path, call: Cheap) -> Result<()> {
    let (succeeds, mut batches, mut failed_ns) = (call.once()?, Vec::new(), None);
    while failed_ns.is_none() && batches.len() < BATCHES {
        let begun_ns = monotonic_ns();
        let all = (0..BATCH).all(|_call| succeeds());
        let done_ns = monotonic_ns();
        failed_ns = (!all).then_some(done_ns);
        batches.push(per_call(begun_ns, done_ns, BATCH));
    }
    let felt = Felt {
        call_ns: median(&batches),
        failed_ns,
    };
    Ok(fs::write(file, serde_json::to_string(&felt)?)?)
}

/// Bursts of calls made here, of which the shortest counts: in a guest the clock of one processor moves
/// with what the other does.
const BURSTS: usize = 10;

/// What a call takes who makes so many of them here, one after the other, in nanoseconds.
pub(super) fn here(call: Cheap, count: usize) -> Result<f64> {
    Ok(timed(count, call.once()?))
}

/// The same of a call that nobody lets fail.
pub(super) fn other_here(count: usize) -> f64 {
    timed(count, || getsid(None).is_ok())
}

fn timed(count: usize, call: impl Fn() -> bool) -> f64 {
    let bursts = (0..BURSTS).map(|_burst| burst(count / BURSTS, &call));
    bursts.fold(f64::INFINITY, f64::min)
}

fn burst(count: usize, call: impl Fn() -> bool) -> f64 {
    let begun_ns = monotonic_ns();
    let made = (0..count).filter(|_call| call()).count();
    let took = per_call(begun_ns, monotonic_ns(), made);
    // One that failed has not done what is measured.
    if made == count { took } else { f64::INFINITY }
}

fn per_call(begun_ns: u64, done_ns: u64, count: usize) -> f64 {
    super::statistics::microseconds(begun_ns, done_ns) * 1e3 / float(count)
}

/// Where one is told to write, and what it wrote.
#[derive(Debug)]
pub(super) struct Calling {
    folder: TempDir,
    call: Cheap,
}

impl Calling {
    pub(super) fn new(call: Cheap) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self { folder, call })
    }

    /// The command that starts it.
    pub(super) fn words(&self) -> Result<Vec<String>> {
        let program = env::current_exe()?.display().to_string();
        let file = self.file().display().to_string();
        let calls = ["--calls", &file, "--call", self.call.name()];
        let words = [program.as_str()].into_iter().chain(calls);
        Ok(words.map(str::to_owned).collect())
    }

    /// Lets a command start it, or be it, and takes what it felt.
    pub(super) fn run(&self, mut command: Command) -> Result<Felt> {
        let output = command.stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("run {command:?}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?}: {said}");
        let text = fs::read_to_string(self.file());
        let text = text.with_context(|| format!("{command:?}: {said}"))?;
        fs::remove_file(self.file())?;
        Ok(serde_json::from_str(&text)?)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("felt.json")
    }
}
