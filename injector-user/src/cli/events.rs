//! Where a command writes every injection down.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::failure::CliError;
use super::out::Out;
use crate::client::EventFile;

/// Waits until the file is complete; nothing if there is none.
pub(super) async fn finished(events: Option<&EventFile>) -> Result<(), CliError> {
    match events {
        Some(events) => Ok(events.finish().await?),
        None => Ok(()),
    }
}

/// Says what the file lacks, which does not undo what was done.
pub(super) fn concluded(out: Out, finished: Result<(), CliError>, exit: Exit) -> Exit {
    match finished {
        Ok(()) => exit,
        Err(error) => {
            out.complain(&error);
            exit.max(error.exit())
        }
    }
}

/// The flag of the commands that inject.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct EventsArg {
    /// Write every injection there, as lines of JSON; `-` for standard output
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "This command"
    )]
    events: Option<PathBuf>,
}

impl EventsArg {
    pub(super) fn is_given(&self) -> bool {
        self.events.is_some()
    }

    /// The file, made anew; none if nobody asked for it.
    pub(super) fn create(&self, out: Out) -> Result<Option<EventFile>, CliError> {
        let Some(path) = &self.events else {
            return Ok(None);
        };
        if out.json && path == Path::new("-") {
            return Err(CliError::Usage {
                message: "--events: with --json standard output is for the result alone".to_owned(),
                hint: "name a file, or leave --json away".to_owned(),
            });
        }
        let created = EventFile::create(path).map_err(|source| CliError::Write {
            path: path.clone(),
            source,
        });
        created.map(Some)
    }
}
