//! A real engine with a run directory of its own.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use injector_user::protocol::{Answer, Call};
use nix::sys::signal::{Signal, kill};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::Pid;
use procfs::process::Process;

use crate::client::Client;
use crate::docker::Docker;
use crate::netns::Netns;
use crate::{tell, wait_until};

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// An engine and its keeper; both are gone when this value is.
#[derive(Debug)]
pub struct Engine {
    child: Child,
    keeper: i32,
    run: RunDir,
    /// Keeps it from leaving when it is idle.
    stay: Option<Client>,
}

#[derive(Debug)]
enum RunDir {
    Own(tempfile::TempDir),
    Given(PathBuf),
}

/// Where files are in memory, as those below `/run` are on most hosts: syncing them takes no time.
fn in_memory() -> PathBuf {
    let shared = Path::new("/dev/shm");
    let found = statfs(shared).is_ok_and(|system| system.filesystem_type() == TMPFS_MAGIC);
    if found {
        shared.to_owned()
    } else {
        env::temp_dir()
    }
}

/// Names a file in which this program has said what the running kernel can do, so that not every engine
/// has to find it out.
pub const KNOWN: &str = "TEMBLOR_TEST_KNOWN";

impl RunDir {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir_in(in_memory())?;
        if let Some(known) = env::var_os(KNOWN) {
            fs::copy(known, folder.path().join("capabilities.json"))?;
        }
        Ok(Self::Own(folder))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Given(path) => path,
        }
    }
}

/// The `temblor` to test: `TEMBLOR_BIN`, or the one that was built beside this program.
pub fn temblor_program() -> Result<PathBuf> {
    if let Some(path) = env::var_os("TEMBLOR_BIN") {
        return Ok(path.into());
    }
    let own = env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    let mut found = folders.map(|folder| folder.join("temblor"));
    found
        .find(|path| path.exists())
        .with_context(|| format!("no `temblor` beside {}: build it first", own.display()))
}

fn command(run_dir: &Path) -> Result<Command> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(run_dir.join("engine.log"))?;
    let mut command = Command::new(temblor_program()?);
    command
        .arg("--run-dir")
        .arg(run_dir)
        .arg("engine")
        .env("TEMBLOR_RUN_DIR", run_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    Ok(command)
}

impl Engine {
    /// Starts one in a new folder and in the caller's network namespace.
    pub fn start() -> Result<Self> {
        Self::begin(RunDir::new()?, None, None)
    }

    /// Starts one for which this namespace is the host's.
    pub fn start_in(netns: &Netns) -> Result<Self> {
        Self::begin(RunDir::new()?, Some(netns), None)
    }

    /// The same beside a Docker Engine, which it can ask.
    pub fn start_beside(docker: &Docker) -> Result<Self> {
        let run = RunDir::new()?;
        Self::begin(run, Some(docker.netns()), Some(&docker.host()))
    }

    /// The same in an existing folder, which stays.
    pub fn start_at(folder: &Path, netns: &Netns) -> Result<Self> {
        Self::begin(RunDir::Given(folder.to_owned()), Some(netns), None)
    }

    fn begin(run: RunDir, netns: Option<&Netns>, docker: Option<&str>) -> Result<Self> {
        let mut command = command(run.path())?;
        // A daemon of the host's own is none of the test's.
        command.env("DOCKER_HOST", docker.unwrap_or("unix:///nowhere"));
        let mut child = match netns {
            Some(netns) => netns.spawn(command)?,
            None => command.spawn()?,
        };
        let mut ended = None;
        let listens = wait_until("the engine listens", DEADLINE, || {
            ended = child.try_wait().ok().flatten();
            ended.is_some() || Client::connect(&run.path().join("engine.sock")).is_ok()
        });
        let mut engine = Self {
            child,
            keeper: 0,
            run,
            stay: None,
        };
        if let Some(status) = ended {
            bail!("the engine ended with {status}: {}", engine.log());
        }
        listens.with_context(|| engine.log())?;
        let mut stay = engine.client()?;
        match stay.call(Call::Hello)? {
            Ok(Answer::Hello { pid, keeper, .. }) if pid == engine.pid() => engine.keeper = keeper,
            other => bail!("somebody else answers: {other:?}"),
        }
        engine.stay = Some(stay);
        Ok(engine)
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub fn keeper(&self) -> i32 {
        self.keeper
    }

    pub fn run_dir(&self) -> &Path {
        self.run.path()
    }

    /// What the engine wrote to its standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.run_dir().join("engine.log")).unwrap_or_default()
    }

    pub fn client(&self) -> Result<Client> {
        Client::connect(&self.run_dir().join("engine.sock"))
    }

    /// Closes the connection that keeps it from leaving when it is idle.
    pub fn let_go(&mut self) {
        self.stay = None;
    }

    /// Files in its undo log.
    pub fn undo_entries(&self) -> Result<Vec<PathBuf>> {
        let folder = self.run_dir().join("undo");
        let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
        Ok(entries.collect::<Result<_, _>>()?)
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits until engine and keeper are gone.
    pub fn await_end(&mut self) -> Result<()> {
        let keeper = self.keeper;
        wait_until("the engine has ended", DEADLINE, || self.has_ended())?;
        wait_until("the keeper has ended", DEADLINE, || !is_running(keeper))?;
        Ok(())
    }

    /// Its child that has the beds of sleepers in its memory.
    pub fn holder(&self) -> Result<i32> {
        let all = procfs::process::all_processes()?.flatten();
        let mut stats = all.filter_map(|process| process.stat().ok());
        let engine = self.pid();
        let found = stats.find(|stat| stat.ppid == engine && stat.comm == "temblor-beds");
        let found = found.map(|stat| stat.pid);
        found.context("the engine has a child that holds the beds")
    }

    /// Kills it and its keeper, which gets no chance to mend anything.
    pub fn lose(&mut self) -> Result<()> {
        let keeper = self.keeper;
        signal(keeper, Signal::SIGSTOP)?;
        wait_until("the keeper stands still", DEADLINE, || is_stopped(keeper))?;
        signal(self.pid(), Signal::SIGKILL)?;
        wait_until("the engine has ended", DEADLINE, || self.has_ended())?;
        signal(keeper, Signal::SIGKILL)?;
        self.await_end()
    }

    /// Ends it in order if it has not ended, and makes sure that its undo log is empty.
    pub fn end(mut self) -> Result<()> {
        if !self.has_ended() {
            signal(self.pid(), Signal::SIGTERM)?;
        }
        self.await_end()?;
        let entries = self.undo_entries()?;
        anyhow::ensure!(entries.is_empty(), "{entries:?} are left: {}", self.log());
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.has_ended() {
            let ended = self.child.try_wait();
            tell(&format!("the engine has ended: {ended:?} {}", self.log()));
            return;
        }
        let pid = self.pid();
        let told = signal(pid, Signal::SIGCONT).and_then(|()| signal(pid, Signal::SIGTERM));
        if self.await_end().is_err() {
            let killed = self.child.kill();
            tell(&format!("the engine did not end: {told:?} {killed:?}"));
        }
        let ended = self.child.try_wait();
        tell(&format!(
            "the engine ended with {ended:?}; engine.log: {}",
            self.log()
        ));
    }
}

/// Sends a signal to a process that the test started.
pub fn signal(pid: i32, signal: Signal) -> Result<()> {
    Ok(kill(Pid::from_raw(pid), signal)?)
}

/// Whether there is such a process, and it is not a zombie.
pub fn is_running(pid: i32) -> bool {
    let stat = Process::new(pid).and_then(|process| process.stat());
    stat.is_ok_and(|stat| stat.state != 'Z')
}

/// Whether it stands still until it is told to continue.
pub fn is_stopped(pid: i32) -> bool {
    let stat = Process::new(pid).and_then(|process| process.stat());
    stat.is_ok_and(|stat| stat.state == 'T')
}
