//! A `caller` as the command of a fault: held, filtered and let go as the command line does it.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use injector_core::fault::Kind;
use injector_core::plan::Hierarchy;
use injector_core::target::Selector;
use injector_user::interception::program;
use injector_user::protocol::{Answer, Call};
use injector_user::target::command::Held;
use injector_user::target::folder;

use crate::caller::Caller;
use crate::client::{Armed, Client, params};
use crate::engine::Engine;

/// Longer than any test; until it acts, the fault only counts.
const REHEARSAL_MS: u64 = 600_000;

/// A caller with a filter, ready for its first round, and its fault, which does not act yet.
#[derive(Debug)]
pub struct Commanded {
    pub client: Client,
    pub armed: Armed,
    pub caller: Caller,
}

impl Commanded {
    /// One that will make these calls, so often in its first round, and suffers these parameters of
    /// `syscall.error`.
    pub fn start(
        engine: &Engine,
        times: usize,
        calls: &[&str],
        given: &[(&str, &str)],
    ) -> Result<Self> {
        let command = Caller::command(&std::env::temp_dir(), times, calls)?;
        Self::start_with(engine, Kind::SyscallError, &command, given)
    }

    /// A caller by this command, that suffers another fault.
    pub fn start_with(
        engine: &Engine,
        kind: Kind,
        command: &Command,
        given: &[(&str, &str)],
    ) -> Result<Self> {
        let mut client = engine.client()?;
        let Ok(Answer::Cgroup { path }) = client.call(Call::MakeCgroup)? else {
            bail!("no cgroup");
        };
        let cgroup = folder(&Hierarchy::V2, &path).context("cgroups of version 2")?;
        let (says, streams) = Caller::pipe()?;
        let cgroup = File::open(cgroup)?;
        let held = Held::fork(command, streams, None, Some(cgroup.as_fd()))?;
        ensure!(held.is_inside(), "it was not born in its cgroup");
        let target = Selector::Command(vec!["caller".to_owned()]).to_string();
        let target = [("target", &*target)];
        let given = params(target.into_iter().chain(given.iter().copied()));
        let armed = client.rehearse(kind, &given, REHEARSAL_MS)?;
        let filtered = held.filter(&program(&armed.plan.select.syscalls))?;
        done(client.call(Call::Intercept {
            fault: armed.fault.clone(),
            pid: filtered.pid(),
            listener: filtered.listener(),
        })?)?;
        let caller = Caller::of(filtered.started()?, says)?;
        Ok(Self {
            client,
            armed,
            caller,
        })
    }

    /// The same, and it acts.
    pub fn suffering(
        engine: &Engine,
        times: usize,
        calls: &[&str],
        given: &[(&str, &str)],
    ) -> Result<Self> {
        let mut commanded = Self::start(engine, times, calls, given)?;
        commanded.client.act(&commanded.armed)?;
        Ok(commanded)
    }

    /// What a single call gives now.
    pub fn one(&mut self, call: &str) -> Result<i32> {
        let told = self.caller.round()?;
        let told = told.get(call).and_then(|all| all.last());
        told.copied()
            .with_context(|| format!("`{call}` was not made"))
    }
}

fn done(answer: Result<Answer, injector_user::protocol::Failure>) -> Result<()> {
    match answer {
        Ok(Answer::Done) => Ok(()),
        other => bail!("not done: {other:?}"),
    }
}
