//! The command that is its own target: held back until the fault is armed, then waited for.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::{Command, ExitStatus};

use injector_core::plan::{Hierarchy, Mechanism, Plan};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use procfs::process::Process;

use super::guard::Guard;
use super::terminal::Terminal;
use crate::cli::caller::caller;
use crate::cli::failure::CliError;
use crate::client::{Client, ClientError};
use crate::interception::program;
use crate::protocol::{Answer, Call};
use crate::target::command::{Held, Started, Streams};
use crate::target::folder;

/// A command that has been forked into its cgroup and not executed. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Waiting {
    held: Held,
    /// As in `/proc/PID/cgroup`.
    cgroup: String,
}

/// A command that runs. It outlives its fault, and us.
#[derive(Debug)]
pub(in crate::cli) struct Child {
    process: Started,
    terminal: Option<Terminal>,
    guard: Option<Guard>,
}

impl Waiting {
    /// Forks it as the user who called `sudo`, and puts it into a cgroup of its own. `quiet` keeps
    /// our standard output free of what the command prints.
    pub(super) async fn fork(
        client: &Client,
        words: &[String],
        quiet: bool,
    ) -> Result<Self, CliError> {
        let Answer::Cgroup { path: cgroup } = client.call(Call::MakeCgroup).await? else {
            return Err(ClientError::Unexpected.into());
        };
        let [program, arguments @ ..] = words else {
            return Err(ClientError::Unexpected.into());
        };
        let mut command = Command::new(program);
        command.args(arguments);
        let output = quiet.then(|| std::io::stderr().as_fd().try_clone_to_owned());
        let streams = Streams {
            output: output.transpose().map_err(CliError::Print)?,
            ..Streams::default()
        };
        let born_in = folder(&Hierarchy::V2, &cgroup).and_then(|path| File::open(path).ok());
        let born_in = born_in.as_ref().map(File::as_fd);
        let held = Held::fork(&command, streams, caller()?, born_in)?;
        if !held.is_inside() {
            let Answer::Done = client.call(Call::Enter { pid: held.pid() }).await? else {
                return Err(ClientError::Unexpected.into());
            };
        }
        Ok(Self { held, cgroup })
    }

    /// Executes it, with the terminal if we have it, as the fault was planned.
    pub(super) async fn release(
        self,
        client: &Client,
        fault: &str,
        plan: &Plan,
    ) -> Result<Child, CliError> {
        let terminal = Terminal::give_to(Pid::from_raw(self.held.pid()));
        let (process, guard) = if plan.mechanism == Mechanism::Seccomp {
            let guard = self.guard(client).await?;
            let filtered = self.held.filter(&program(&plan.select.syscalls))?;
            let call = Call::Intercept {
                fault: fault.to_owned(),
                pid: filtered.pid(),
                listener: filtered.listener(),
            };
            let Answer::Done = client.call(call).await? else {
                return Err(ClientError::Unexpected.into());
            };
            (filtered.started()?, Some(guard))
        } else {
            (self.held.release()?, None)
        };
        Ok(Child {
            process,
            terminal,
            guard,
        })
    }

    async fn guard(&self, client: &Client) -> Result<Guard, CliError> {
        let Answer::Hello { pid, keeper, .. } = client.call(Call::Hello).await? else {
            return Err(ClientError::Unexpected.into());
        };
        let cgroup = folder(&Hierarchy::V2, &self.cgroup).ok_or(ClientError::Unexpected)?;
        Guard::post(pid, keeper, cgroup)
    }
}

impl Child {
    /// How it ended, if it has. One that was stopped from the terminal is continued: nobody could
    /// bring it back to the foreground.
    pub(super) fn look(&mut self) -> Result<Option<ExitStatus>, CliError> {
        let ended = self.process.try_wait().map_err(CliError::Wait)?;
        if ended.is_some() {
            // Gives the terminal back.
            self.terminal = None;
            // What it has started may go on, and is looked after by the engine and its keeper.
            self.guard = None;
        } else if self.terminal.is_some() && self.is_stopped() {
            self.signal(Signal::SIGCONT);
        }
        Ok(ended)
    }

    /// Whether its calls need somebody who answers, so that it may not be left alone.
    pub(super) fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// Tells it and all it started to end.
    pub(super) fn interrupt(&self) {
        self.signal(Signal::SIGINT);
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        // It may have ended by itself.
        let _gone = killpg(Pid::from_raw(self.pid()), signal);
    }

    fn is_stopped(&self) -> bool {
        let stat = Process::new(self.pid()).and_then(|process| process.stat());
        stat.is_ok_and(|stat| stat.state == 'T')
    }

    fn pid(&self) -> i32 {
        self.process.pid()
    }
}
