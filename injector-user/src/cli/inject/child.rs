//! The command that is its own target: held back until the fault is armed, then waited for.

use std::os::fd::AsFd as _;
use std::process::{Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use procfs::process::Process;

use super::terminal::Terminal;
use crate::cli::caller::caller;
use crate::cli::failure::CliError;
use crate::client::{Client, ClientError};
use crate::protocol::{Answer, Call};
use crate::target::command::Held;

/// A command that has been forked into its cgroup and not executed. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Waiting {
    held: Held,
}

/// A command that runs. It outlives its fault, and us.
#[derive(Debug)]
pub(in crate::cli) struct Child {
    child: std::process::Child,
    terminal: Option<Terminal>,
}

impl Waiting {
    /// Forks it as the user who called `sudo`, and puts it into a cgroup of its own. `quiet` keeps
    /// our standard output free of what the command prints.
    pub(super) async fn fork(
        client: &Client,
        words: &[String],
        quiet: bool,
    ) -> Result<Self, CliError> {
        let Answer::Cgroup { .. } = client.call(Call::MakeCgroup).await? else {
            return Err(ClientError::Unexpected.into());
        };
        let [program, arguments @ ..] = words else {
            return Err(ClientError::Unexpected.into());
        };
        let mut command = Command::new(program);
        command.args(arguments);
        if quiet {
            let stderr = std::io::stderr();
            let copy = stderr
                .as_fd()
                .try_clone_to_owned()
                .map_err(CliError::Print)?;
            command.stdout(Stdio::from(copy));
        }
        let held = Held::fork(command, caller()?)?;
        match client.call(Call::Enter { pid: held.pid() }).await? {
            Answer::Done => Ok(Self { held }),
            _ => Err(ClientError::Unexpected.into()),
        }
    }

    /// Executes it, with the terminal if we have it.
    pub(super) fn release(self) -> Result<Child, CliError> {
        let terminal = Terminal::give_to(Pid::from_raw(self.held.pid()));
        let child = self.held.release()?;
        Ok(Child { child, terminal })
    }
}

impl Child {
    /// How it ended, if it has. One that was stopped from the terminal is continued: nobody could
    /// bring it back to the foreground.
    pub(super) fn look(&mut self) -> Result<Option<ExitStatus>, CliError> {
        let ended = self.child.try_wait().map_err(CliError::Wait)?;
        if ended.is_some() {
            // Gives the terminal back.
            self.terminal = None;
        } else if self.terminal.is_some() && self.is_stopped() {
            self.signal(Signal::SIGCONT);
        }
        Ok(ended)
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
        self.child.id().cast_signed()
    }
}
