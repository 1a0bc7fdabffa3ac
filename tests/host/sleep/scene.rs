//! A caller that sleeps, and an engine that lets it.

use std::fs;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use temblor_tests::{Armed, Caller, Cgroup, Client, wait_until};

use super::way::Way;
use crate::stage::{DEADLINE, Stage};

/// Far longer than anybody waits here.
pub(super) const LONG: [(&str, &str); 2] = [("latency", "30s"), ("cap", "30s")];

#[derive(Debug)]
pub(super) struct Scene {
    pub(super) stage: Stage,
    /// `syscall.delay` of the way's call, or `disk.slow` of what that call does to files.
    kind: Kind,
    pub(super) way: Way,
    pub(super) client: Client,
    pub(super) caller: Caller,
    /// Nobody is in there. It was there before the stage was looked at.
    pub(super) cgroup: Cgroup,
}

/// Does the same for each of the ways that there are, on a stage of its own.
pub(super) fn for_each_way(act: impl Fn(Scene) -> Result<()>) -> Result<()> {
    let stage = Stage::set()?;
    let ways = Way::here(&stage.engine)?;
    stage.close()?;
    for way in ways {
        Scene::set(Kind::SyscallDelay, way)
            .and_then(&act)
            .with_context(|| way.mechanism.to_string())?;
    }
    Ok(())
}

/// The same with `disk.slow`, which takes the best of them for itself.
pub(super) fn for_each_way_and_disk(act: impl Fn(Scene) -> Result<()>) -> Result<()> {
    for_each_way(&act)?;
    let stage = Stage::set()?;
    let way = Way::here(&stage.engine)?[0];
    stage.close()?;
    Scene::set(Kind::DiskSlow, way)
        .and_then(act)
        .with_context(|| Kind::DiskSlow.to_string())
}

impl Scene {
    fn set(kind: Kind, way: Way) -> Result<Self> {
        let cgroup = Cgroup::make(Flavour::V2, "sleep")?;
        let stage = Stage::set()?;
        let client = stage.engine.client()?;
        let caller = Caller::start(1, &[way.call])?;
        Ok(Self {
            stage,
            kind,
            way,
            client,
            caller,
            cgroup,
        })
    }

    pub(super) fn target(&self) -> String {
        format!("pid:{}", self.caller.pid())
    }

    pub(super) fn arm(&mut self, more: &[(&str, &str)]) -> Result<Armed> {
        let target = self.target();
        match self.kind {
            Kind::DiskSlow => self.way.arm_disk(&mut self.client, &target, more),
            _by_call => self.way.arm(&mut self.client, &target, more),
        }
    }

    /// What the call gives.
    pub(super) fn one(&mut self) -> Result<i32> {
        self.told_of(Caller::round)
    }

    pub(super) fn told_of(
        &mut self,
        tell: impl FnOnce(&mut Caller) -> Result<temblor_tests::Told>,
    ) -> Result<i32> {
        let told = tell(&mut self.caller)?;
        let last = told.get(self.way.call).and_then(|errnos| errnos.last());
        last.copied().context("it has made its call")
    }

    /// Arms a fault, and waits until the caller sleeps.
    pub(super) fn fall_asleep(&mut self, more: &[(&str, &str)]) -> Result<Armed> {
        let given: Vec<_> = LONG.into_iter().chain(more.iter().copied()).collect();
        let armed = self.arm(&given)?;
        self.caller.begin()?;
        self.await_hits(&armed, 1)?;
        Ok(armed)
    }

    pub(super) fn await_hits(&mut self, armed: &Armed, hits: u64) -> Result<()> {
        let Self { client, .. } = self;
        wait_until("callers sleep", DEADLINE, || {
            let report = client.snapshot(&armed.fault);
            report.is_ok_and(|report| report.counters.injected >= hits)
        })
        .map(drop)
    }

    /// How the kernel calls what the caller's threads do, by the letters of `/proc/PID/status`.
    pub(super) fn states(&self) -> Result<Vec<char>> {
        let mut states = Vec::new();
        for thread in fs::read_dir(format!("/proc/{}/task", self.caller.pid()))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("State:"));
            states.extend(line.and_then(|line| line.trim().chars().next()));
        }
        Ok(states)
    }

    pub(super) fn close(self) -> Result<()> {
        let Self {
            stage,
            caller,
            cgroup,
            ..
        } = self;
        drop(caller);
        let closed = stage.close();
        // Whoever was in there has ended.
        drop(cgroup);
        closed
    }
}
