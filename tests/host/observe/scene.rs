//! Somebody in a cgroup who is looked at, and somebody elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use injector_core::target::Selector;
use injector_core::telemetry::{Frame, Signal, named};
use injector_user::freezer::Flavour;
use injector_user::observer::Wanted;
pub(super) use temblor_tests::seen::{count, durations, gauge};
use temblor_tests::{Caller, Cgroup, Client, wait_until};

use crate::stage::{DEADLINE, Stage};

/// The cgroup has no process but those that a test puts in.
pub(super) struct Scene {
    /// Is in there, so that the cgroup is somebody's; goes first.
    pub(super) resident: Caller,
    pub(super) cgroup: Cgroup,
    pub(super) stage: Stage,
}

impl Scene {
    pub(super) fn set(calls: &[&str]) -> Result<Self> {
        let stage = Stage::set()?;
        let cgroup = Cgroup::make(Flavour::V2, "observed")?;
        let resident = Caller::start(1, calls)?;
        cgroup.enter(resident.pid())?;
        Ok(Self {
            resident,
            cgroup,
            stage,
        })
    }

    /// The cgroup as it is called in frames.
    pub(super) fn label(&self) -> String {
        self.cgroup.target()
    }

    /// A client that observes the cgroup.
    pub(super) fn observe(&self, signals: &[Signal]) -> Result<Client> {
        self.observe_all(&[&self.label()], signals)
    }

    pub(super) fn observe_all(&self, targets: &[&str], signals: &[Signal]) -> Result<Client> {
        let mut client = self.stage.engine.client()?;
        client.observe(wanted(targets, signals)?)?;
        Ok(client)
    }

    /// Runs a command in the cgroup.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        run_in(self.cgroup.folder(), program, arguments)
    }

    /// Once nobody observes, nothing is attached; and the host is as before.
    pub(super) fn close(self) -> Result<()> {
        let Self {
            stage,
            cgroup,
            resident,
        } = self;
        drop(resident);
        drop(cgroup);
        await_unobserved(&stage)?;
        stage.close()
    }
}

pub(super) fn await_unobserved(stage: &Stage) -> Result<()> {
    wait_until("nobody observes any more", DEADLINE, || {
        let status = stage.engine.client().and_then(|mut client| client.status());
        status.is_ok_and(|(status, _faults)| status.observing == 0)
    })
    .map(drop)
}

pub(super) fn wanted(targets: &[&str], signals: &[Signal]) -> Result<Wanted> {
    let targets = targets.iter().map(|target| target.parse::<Selector>());
    let targets = targets.collect::<Result<_, _>>();
    Ok(Wanted {
        targets: targets.map_err(anyhow::Error::msg)?,
        signals: signals.iter().copied().collect(),
        top: 0,
    })
}

/// Runs a command that is in the cgroup when it is executed.
pub(super) fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new("sh");
    command.args(["-c", r#"echo 0 > "$0"; exec "$@""#]);
    command
        .arg(folder.join("cgroup.procs"))
        .arg(path_of(program)?)
        .args(arguments);
    command.output().with_context(|| program.to_owned())
}

/// Where a program is: by its name alone some shells do what it does themselves, and execute nothing.
pub(super) fn path_of(program: &str) -> Result<PathBuf> {
    let folders = std::env::var_os("PATH").context("there is a PATH")?;
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join(program));
    let found = found.find(|path| path.is_file());
    found.with_context(|| format!("there is no `{program}` on this host"))
}

/// Everything that a frame lost for want of room.
pub(super) fn lost(frame: &Frame) -> Result<u64> {
    lost_as(frame, |reason| !["foreign", MISSED].contains(&reason))
}

/// A program was at work on the processor already, whomever it was to be about: seen in kernels of 7.2.
const MISSED: &str = "missed";
/// Before it, all that is made has to be counted.
const MISSES_SINCE: u32 = 7;

fn lost_as(frame: &Frame, is_meant: impl Fn(&str) -> bool) -> Result<u64> {
    let metric = named("observer_lost").map_err(anyhow::Error::msg)?;
    let lost = frame
        .of(metric)
        .filter(|(series, _)| series.label("reason").is_some_and(&is_meant));
    Ok(lost.map(|(_series, value)| value.count()).sum())
}

/// So many were made: none is counted twice, and none is missing but those that programs missed.
pub(super) fn check_counted(frame: &Frame, counted: u64, made: u64) -> Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let major: u32 = release.split('.').next().context("a release")?.parse()?;
    let missed = if major < MISSES_SINCE {
        0
    } else {
        lost_as(frame, |reason| reason == MISSED)?
    };
    let is_all = counted <= made && made - counted <= missed;
    ensure!(is_all, "{counted} of {made}, {missed} missed");
    Ok(())
}
