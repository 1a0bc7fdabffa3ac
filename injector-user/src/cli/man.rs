//! `temblor man`: the manual, made from the same command line that reads your words.

use std::fs;
use std::path::PathBuf;

use clap_mangen::Man;

use super::command::command;
use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;

/// Print the manual page, or write one page for each command
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  temblor man | man -l -
  sudo temblor man --dir /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Write temblor.1, temblor-inject.1 and so on there
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Exits well if everything was written.
pub(super) fn run(context: &Context, args: &ManArgs) -> Result<Exit, CliError> {
    let command = command();
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        Man::new(command)
            .render(&mut page)
            .map_err(CliError::Print)?;
        context.out.raw(&page)?;
        return Ok(Exit::Passed);
    };
    let write = |source| CliError::Write {
        path: dir.clone(),
        source,
    };
    fs::create_dir_all(dir).map_err(write)?;
    clap_mangen::generate_to(command, dir).map_err(write)?;
    context
        .out
        .note(&format!("the manual is in `{}`", dir.display()));
    Ok(Exit::Passed)
}
