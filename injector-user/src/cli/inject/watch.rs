//! From arming to the end: shows what happens, and listens for the wish to stop.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::child::Child;
use crate::cli::failure::CliError;
use crate::cli::interrupts::Interrupts;
use crate::cli::out::Out;
use crate::cli::report;
use crate::client::{Client, ClientError};
use crate::clock::monotonic_ns;
use crate::protocol::{Answer, Call, FaultReport, State, Which};

/// Between two looks at the counters.
const LOOK: Duration = Duration::from_millis(100);

/// One armed fault and who waits for it.
#[derive(Debug)]
pub(in crate::cli) struct Watch<'a> {
    pub(in crate::cli) out: Out,
    pub(in crate::cli) client: &'a Client,
    pub(in crate::cli) id: &'a str,
    pub(in crate::cli) interrupts: Interrupts,
    /// The user has asked to stop, and would leave at once if they asked again.
    pub(in crate::cli) asked: bool,
    /// There is a line on the terminal that must go before anything else is said.
    pub(in crate::cli) shown: bool,
}

/// How it all ended.
#[derive(Debug)]
pub(in crate::cli) struct Watched {
    pub(in crate::cli) report: FaultReport,
    pub(in crate::cli) command: Option<ExitStatus>,
}

impl Watch<'_> {
    /// Waits until the fault and the command have ended; nothing if the user could not wait.
    pub(in crate::cli) async fn until_the_end(
        mut self,
        mut child: Option<Child>,
    ) -> Result<Option<Watched>, CliError> {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let watched = self.fault(&mut child, &mut looks).await;
        if let (Err(_), Some(child)) = (&watched, &mut child)
            && child.is_guarded()
        {
            self.out
                .note("the engine has gone; the command goes on without a fault");
            self.command(child, &mut looks).await?;
        }
        let Some((report, mut command)) = watched? else {
            return Ok(None);
        };
        if let (Some(child), None) = (&mut child, command) {
            if !self.asked {
                self.out.note("the fault has ended; the command goes on");
            }
            command = self.command(child, &mut looks).await?;
            if command.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(Watched { report, command }))
    }

    /// Until the fault has ended by itself, with the command, or because the user wants it to.
    async fn fault(
        &mut self,
        child: &mut Option<Child>,
        looks: &mut Interval,
    ) -> Result<Option<(FaultReport, Option<ExitStatus>)>, CliError> {
        let mut children = signal(SignalKind::child()).map_err(CliError::Loop)?;
        loop {
            let interrupted = tokio::select! {
                () = self.interrupts.next() => true,
                _ = looks.tick() => false,
                _ = children.recv() => false,
            };
            if interrupted {
                self.asked = true;
                self.clear();
                self.out.note("stopping; once more to leave at once");
                let stopped = self.stop().await?;
                if let Some(child) = child {
                    child.interrupt();
                }
                return Ok(stopped.map(|report| (report, None)));
            }
            let ended = child.as_mut().map(Child::look).transpose()?.flatten();
            if ended.is_some() {
                return Ok(self.stop().await?.map(|report| (report, ended)));
            }
            let report = self.look(child.is_none()).await?;
            match report.state {
                State::Pending | State::Active => {}
                State::Ended { .. } | State::UndoIncomplete { .. } => {
                    self.clear();
                    return Ok(Some((report, None)));
                }
            }
        }
    }

    /// Until the command has ended; nothing if the user could not wait.
    async fn command(
        &mut self,
        child: &mut Child,
        looks: &mut Interval,
    ) -> Result<Option<ExitStatus>, CliError> {
        loop {
            if let Some(status) = child.look()? {
                return Ok(Some(status));
            }
            tokio::select! {
                () = self.interrupts.next() => {
                    if std::mem::replace(&mut self.asked, true) {
                        return Ok(None);
                    }
                    child.interrupt();
                }
                _ = looks.tick() => {}
            }
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            self.out.clear();
        }
    }

    async fn look(&mut self, show: bool) -> Result<FaultReport, CliError> {
        let fault = self.id.to_owned();
        let Answer::Snapshot { fault: report } = self.client.call(Call::Snapshot { fault }).await?
        else {
            return Err(ClientError::Unexpected.into());
        };
        // A command has the terminal to itself.
        if show {
            self.shown = true;
            self.out.refresh(&report::live(&report, monotonic_ns()));
        }
        Ok(*report)
    }

    /// Ends the fault, unless the user asks a second time before that is done.
    async fn stop(&mut self) -> Result<Option<FaultReport>, CliError> {
        let which = Which::Fault(self.id.to_owned());
        let stopped = tokio::select! {
            () = self.interrupts.next() => return Ok(None),
            stopped = self.client.call(Call::Stop { which }) => stopped?,
        };
        self.clear();
        match stopped {
            Answer::Stopped { mut faults } => {
                Ok(Some(faults.pop().ok_or(ClientError::Unexpected)?))
            }
            _ => Err(ClientError::Unexpected.into()),
        }
    }
}
