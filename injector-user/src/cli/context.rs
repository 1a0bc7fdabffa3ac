//! What every verb is given.

use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use super::failure::CliError;
use super::out::Out;
use super::style::Choice;
use crate::client::{self, Client, ClientError};

/// How long a running engine may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(1);

/// Options of every verb.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct Globals {
    /// Print one JSON document instead of text; errors too
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// Where the engine's socket, log and undo log are
    #[arg(
        long,
        global = true,
        display_order = 901,
        value_name = "DIR",
        env = "TEMBLOR_RUN_DIR",
        default_value = "/run/temblor",
        hide_env_values = true
    )]
    pub run_dir: PathBuf,
    /// Colour the output
    #[arg(
        long,
        global = true,
        display_order = 902,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub color: Choice,
    /// Say more on standard error
    #[arg(short, long, global = true, display_order = 903)]
    pub verbose: bool,
}

/// Where to print and where the engine is.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub out: Out,
    run_dir: PathBuf,
}

impl Context {
    pub(super) fn new(globals: &Globals) -> Self {
        Self {
            out: Out::new(globals.json, globals.verbose, globals.color),
            // The engine is started elsewhere than where we are.
            run_dir: absolute(&globals.run_dir).unwrap_or_else(|_unknown| globals.run_dir.clone()),
        }
    }

    pub(super) fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// The engine, started if need be.
    pub(super) async fn engine(&self) -> Result<Client, CliError> {
        let client = client::connect_or_start(&self.run_dir).await?;
        if let Some(pid) = client.pid() {
            self.out.detail(&format!("the engine is process {pid}"));
        }
        Ok(client)
    }

    /// The engine, if one runs and answers.
    pub(super) async fn running_engine(&self) -> Result<Option<Client>, CliError> {
        let client = match client::connect(&self.run_dir).await {
            Err(ClientError::NotRunning { .. }) => return Ok(None),
            found => found?,
        };
        client.greet(ANSWER).await?;
        Ok(Some(client))
    }
}
