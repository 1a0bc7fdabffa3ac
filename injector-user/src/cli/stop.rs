//! `temblor stop`: ends faults, whatever state the engine is in.
//!
//! An engine that does not answer is killed: nothing in the kernel outlives it, and the keeper puts
//! the rest back. Then the undo log is looked at, since this must work when the keeper is gone too.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::context::{ANSWER, Context};
use super::exit::Exit;
use super::failure::CliError;
use super::style::Style;
use super::{report, undo};
use crate::client::{self, Client, ClientError, EngineProcess};
use crate::protocol::{Answer, Call, FaultReport, State, Which};
use crate::safety::undo::{Outcome, recover};

/// How long an engine that listens may take to end faults in an orderly way.
const ORDERLY: Duration = Duration::from_secs(5);
/// How long a killed engine may take to go, and its keeper to put things back.
const GONE: Duration = Duration::from_secs(2);

/// End faults: all of them, one, or those of an owner
///
/// Works always: an engine that does not answer within 1 s is killed, and all its faults end.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  # Everything, now
  sudo temblor stop
  # One fault, as `temblor status` names it
  sudo temblor stop net.delay-1
  # Everything that was armed with --owner game-day-7
  sudo temblor stop --owner game-day-7")]
pub(super) struct Stop {
    /// The fault to end; without it, all
    #[arg(value_name = "FAULT")]
    fault: Option<String>,
    /// End what was armed with this label
    #[arg(long, value_name = "LABEL", conflicts_with = "fault")]
    owner: Option<String>,
}

impl Stop {
    fn which(self) -> Which {
        match (self.fault, self.owner) {
            (Some(fault), _) => Which::Fault(fault),
            (None, Some(owner)) => Which::Owner(owner),
            (None, None) => Which::All,
        }
    }
}

/// Exits well if what was to end has ended, and nothing is left of it.
pub(super) async fn run(context: &Context, stop: Stop) -> Result<Exit, CliError> {
    let which = stop.which();
    match client::connect(context.run_dir()).await {
        Ok(client) => match ask(&client, which).await? {
            Some(faults) => say(context, &faults),
            None => kill(context, client.pid()).await,
        },
        // One that does not even listen, or that too many wait for, may still be there.
        Err(ClientError::NotRunning { .. } | ClientError::Connect { .. }) => {
            kill(context, None).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What ended; nothing if the engine does not answer, or not in a way that makes sense.
async fn ask(client: &Client, which: Which) -> Result<Option<Vec<FaultReport>>, CliError> {
    if client.greet(ANSWER).await.is_err() {
        return Ok(None);
    }
    match timeout(ORDERLY, client.call(Call::Stop { which })).await {
        Ok(Ok(Answer::Stopped { faults })) => Ok(Some(faults)),
        // It understood, and says no.
        Ok(Err(error @ ClientError::Answer(_))) => Err(error.into()),
        Ok(Ok(_) | Err(_)) | Err(_) => Ok(None),
    }
}

fn say(context: &Context, faults: &[FaultReport]) -> Result<Exit, CliError> {
    let value = json!({ "stopped": faults, "killed": null, "undone": [] });
    context.out.result(&value, |style| {
        if faults.is_empty() {
            return "nothing was armed that this could end".to_owned();
        }
        let reports: Vec<_> = faults
            .iter()
            .map(|fault| report::report(fault, style))
            .collect();
        reports.join("\n\n")
    })?;
    let left = faults
        .iter()
        .any(|fault| matches!(fault.state, State::UndoIncomplete { .. }));
    Ok(if left {
        Exit::UndoIncomplete
    } else {
        Exit::Passed
    })
}

/// Kills the engine, and makes sure that nothing of it is left.
async fn kill(context: &Context, by_socket: Option<i32>) -> Result<Exit, CliError> {
    let engine = match by_socket {
        Some(pid) => EngineProcess::open(pid)?,
        None => EngineProcess::of(context.run_dir())?,
    };
    if let Some(engine) = &engine {
        engine.kill(GONE)?;
    }
    let undone = settle(&context.run_dir().join("undo")).await?;
    let killed = engine.as_ref().map(EngineProcess::pid);
    let value = json!({ "stopped": [], "killed": killed, "undone": undone });
    context
        .out
        .result(&value, |style| killed_text(killed, &undone, style))?;
    Ok(undo::exit(&undone))
}

/// Lets the keeper finish, then undoes what it has left.
async fn settle(log: &Path) -> Result<Vec<Outcome>, CliError> {
    let deadline = Instant::now() + GONE;
    let is_empty = || fs::read_dir(log).map_or(true, |mut entries| entries.next().is_none());
    while !is_empty() && Instant::now() < deadline {
        sleep(Duration::from_millis(5)).await;
    }
    Ok(recover(log)?)
}

fn killed_text(killed: Option<i32>, undone: &[Outcome], style: Style) -> String {
    let mut lines = Vec::new();
    lines.push(match killed {
        Some(pid) => format!(
            "the engine, process {pid}, did not answer and was killed; it is gone, and all its \
             faults with it"
        ),
        None => "no engine runs: nothing is armed".to_owned(),
    });
    if !undone.is_empty() {
        lines.push(undo::text(undone, style));
    }
    lines.join("\n")
}
