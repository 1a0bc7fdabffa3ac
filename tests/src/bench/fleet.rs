//! Many containers, or what comes nearest to them on a machine without a Docker Engine.

use std::thread;

use anyhow::{Context as _, Result};

use super::crowd::{Crowd, MANY};
use super::suite::Effort;
use crate::docker::Docker;
use crate::engine::Engine;

/// Containers are started by so many at once: most of what each takes is waiting.
const STARTERS: usize = 4;

/// As many targets as there can be faults; gone with this value.
#[derive(Debug)]
pub(super) enum Fleet {
    /// Of a bridge, each with its loopback interface and `eth0`, and one process that sleeps.
    Containers(Docker),
    /// With their loopback interface only, and a process in each.
    Namespaces(Crowd),
}

impl Fleet {
    /// Containers named `NAME-0`, `NAME-1` and so on where that is possible.
    pub(super) fn gather(effort: Effort, name: &str) -> Result<Self> {
        if !Docker::is_possible() {
            return Ok(Self::Namespaces(Crowd::gather(name)?));
        }
        let docker = Docker::start()?;
        effort.progress(&format!("starting {MANY} containers"));
        let names: Vec<String> = names(name).collect();
        thread::scope(|scope| {
            let shares = names.chunks(names.len().div_ceil(STARTERS));
            let starters = shares.map(|share| scope.spawn(|| start(&docker, share)));
            let starters: Vec<_> = starters.collect();
            let mut ended = starters.into_iter().map(thread::ScopedJoinHandle::join);
            ended.try_for_each(|ended| ended.ok().context("a thread broke")?)
        })?;
        Ok(Self::Containers(docker))
    }

    /// What they are, for the rows.
    pub(super) fn are(&self) -> &'static str {
        match self {
            Self::Containers(_) => "containers",
            Self::Namespaces(_) => "namespaces (no Docker Engine here)",
        }
    }

    /// An engine that can find them.
    pub(super) fn engine(&self) -> Result<Engine> {
        match self {
            Self::Containers(docker) => Engine::start_beside(docker),
            Self::Namespaces(_) => Engine::start(),
        }
    }

    /// Each as a target; `name` is the one they were gathered with.
    pub(super) fn targets(&self, name: &str) -> Vec<String> {
        match self {
            Self::Containers(_) => names(name)
                .map(|name| format!("container:{name}"))
                .collect(),
            Self::Namespaces(crowd) => crowd.targets(),
        }
    }

    /// All of them as one target.
    pub(super) fn target(&self, name: &str) -> String {
        match self {
            Self::Containers(_) => format!("container:~^{name}-"),
            Self::Namespaces(crowd) => crowd.target(),
        }
    }
}

fn names(name: &str) -> impl Iterator<Item = String> {
    (0..MANY).map(move |number| format!("{name}-{number}"))
}

fn start(docker: &Docker, names: &[String]) -> Result<()> {
    names
        .iter()
        .try_for_each(|name| docker.run_program(name, &[], &Docker::SLEEP).map(drop))
}
