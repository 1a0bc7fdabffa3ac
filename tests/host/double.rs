//! Drives the `engine-double`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::plan::Hierarchy;
use injector_user::freezer::{Flavour, State};
use injector_user::target::Mounts;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use temblor_tests::{Cgroup, Victim, wait_until};

pub(crate) use temblor_tests::{is_running, is_stopped};

/// Long enough for a busy machine; what is expected takes a fraction of it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

const SOON: Duration = Duration::from_millis(100);

/// An engine double that freezes a victim, beside a sibling that it does not.
#[derive(Debug)]
pub(crate) struct Scene {
    engine: Child,
    said: BufReader<ChildStdout>,
    pub(crate) keeper: i32,
    run: tempfile::TempDir,
    // In this order: a cgroup can only be removed when its processes have ended.
    victim: Victim,
    sibling: Victim,
    pub(crate) cgroup: Cgroup,
}

impl Scene {
    /// A victim that is frozen by the engine double and seen to be.
    pub(crate) fn frozen(mode: &str, flavour: Flavour) -> Result<Self> {
        let mut scene = Self::start(mode, Cgroup::make(flavour, mode)?, &[])?;
        scene.await_frozen()?;
        Ok(scene)
    }

    /// An engine double that freezes in pulses: milliseconds active and dormant, how many, and
    /// milliseconds in all.
    pub(crate) fn pulsed(cgroup: Cgroup, train: [u32; 4]) -> Result<Self> {
        Self::start("pulses", cgroup, &train)
    }

    fn start(mode: &str, cgroup: Cgroup, train: &[u32]) -> Result<Self> {
        let (mut victim, sibling) = (Victim::start()?, Victim::start()?);
        cgroup.enter(victim.pid())?;
        // A cgroup that is frozen already is a case of its own.
        let answers = cgroup.state()? != State::Thawed || victim.answers(DEADLINE)?;
        assert!(answers, "a victim answers before it is frozen");
        let run = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine-double"));
        command
            .arg(mode)
            .arg(match cgroup.flavour() {
                Flavour::V1 => "v1",
                Flavour::V2 => "v2",
            })
            .args([cgroup.folder(), &run.path().join("undo")])
            .args(train.iter().map(u32::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut engine = command.spawn()?;
        let said = engine.stdout.take().context("stdout is piped")?;
        let mut scene = Self {
            engine,
            said: BufReader::new(said),
            keeper: 0,
            run,
            victim,
            sibling,
            cgroup,
        };
        let keeper = scene.hear()?["keeper"].as_i64();
        scene.keeper = i32::try_from(keeper.context("the engine says its keeper")?)?;
        Ok(scene)
    }

    fn await_frozen(&mut self) -> Result<()> {
        let is_frozen = || matches!(self.cgroup.state(), Ok(State::Frozen));
        wait_until("the cgroup is frozen", DEADLINE, is_frozen)?;
        assert!(!self.victim.answers(SOON)?, "a frozen victim is silent");
        assert!(self.sibling.answers(DEADLINE)?, "its sibling is not");
        assert!(
            !self.undo_files()?.is_empty(),
            "the freeze is in the undo log"
        );
        Ok(())
    }

    pub(crate) fn victim(&mut self) -> &mut Victim {
        &mut self.victim
    }

    /// Whether the engine double has written a line that has not been heard.
    pub(crate) fn has_said(&self) -> Result<bool> {
        let mut fds = [PollFd::new(self.said.get_ref().as_fd(), PollFlags::POLLIN)];
        Ok(!self.said.buffer().is_empty() || poll(&mut fds, PollTimeout::ZERO)? > 0)
    }

    /// The next line that the engine double writes.
    pub(crate) fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the engine said {line:?}"))
    }

    pub(crate) fn undo_folder(&self) -> PathBuf {
        self.run.path().join("undo")
    }

    pub(crate) fn undo_files(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.undo_folder())?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }

    pub(crate) fn engine(&self) -> Result<i32> {
        Ok(i32::try_from(self.engine.id())?)
    }

    pub(crate) fn signal_engine(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(self.engine()?), signal)?)
    }

    pub(crate) fn signal_keeper(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(self.keeper), signal)?)
    }

    /// Lets the engine end in order.
    pub(crate) fn close_input(&mut self) {
        drop(self.engine.stdin.take());
    }

    /// Waits until the victim runs again, and tells how long that took.
    pub(crate) fn await_thawed(&mut self) -> Result<Duration> {
        let is_thawed = || matches!(self.cgroup.state(), Ok(State::Thawed));
        let took = wait_until("the cgroup is thawed", DEADLINE, is_thawed)?;
        assert!(self.victim.answers(DEADLINE)?, "a thawed victim answers");
        Ok(took)
    }

    /// Waits until engine, keeper, its cgroup and the undo-log entries are all gone.
    pub(crate) fn await_nothing_left(&mut self) -> Result<()> {
        wait_until("the engine has ended", DEADLINE, || {
            matches!(self.engine.try_wait(), Ok(Some(_)))
        })?;
        wait_until("the keeper has ended", DEADLINE, || {
            !is_running(self.keeper)
        })?;
        let home = keeper_cgroup(self.engine()?)?;
        wait_until("its cgroup is gone", DEADLINE, || !home.exists())?;
        assert_eq!(self.undo_files()?, Vec::<PathBuf>::new());
        Ok(())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Ended already, unless the test has failed. In version 1 what is frozen cannot even die.
        drop(self.engine.kill());
        drop(self.engine.wait());
        drop(self.cgroup.freezer().map(|freezer| freezer.thaw()));
    }
}

/// Where the keeper of the engine `pid` lives.
pub(crate) fn keeper_cgroup(pid: i32) -> Result<PathBuf> {
    let mounts = Mounts::read()?;
    let mount = mounts.get(&Hierarchy::V2).context("cgroup v2 is mounted")?;
    Ok(mount
        .point
        .join(Path::new(&format!("temblor-keeper-{pid}"))))
}

/// Runs `test` for each freezer that this host has, and says which it has not.
pub(crate) fn for_each_freezer(test: impl Fn(Flavour) -> Result<()>) -> Result<()> {
    for flavour in [Flavour::V2, Flavour::V1] {
        if Cgroup::is_possible(flavour)? {
            test(flavour).with_context(|| format!("freezer {flavour:?}"))?;
        } else {
            let mut out = std::io::stderr();
            writeln!(
                out,
                "SKIPPED freezer {flavour:?}: its hierarchy is not mounted here"
            )?;
        }
    }
    Ok(())
}
