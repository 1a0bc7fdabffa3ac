//! `temblor completions`: what a shell needs to complete our command lines.

use clap_complete::{Shell, generate};

use super::command::command;
use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;

/// Print a completion script for a shell
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(after_help = "Examples:
  temblor completions bash | sudo tee /etc/bash_completion.d/temblor
  temblor completions fish > ~/.config/fish/completions/temblor.fish")]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

/// Exits well.
pub(super) fn run(context: &Context, completions: Completions) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    generate(completions.shell, &mut command(), "temblor", &mut script);
    context.out.raw(&script)?;
    Ok(Exit::Passed)
}
