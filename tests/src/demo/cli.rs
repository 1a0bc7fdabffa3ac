//! What can be typed.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use super::client::{self, Load};
use super::elsewhere;
use super::run::perform;

/// Break a real Redis on purpose, prove it, abort it, and leave nothing behind.
///
/// Needs root. Everything happens in network namespaces and cgroups of its own, and is put back also
/// after Ctrl-C. Exits with 0 if everything was as expected.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// One of the demo's clients; started by the demo itself
    #[command(hide = true)]
    Client(Load),
    /// The part that is played in a guest; started by `cargo xtask demo`
    #[command(hide = true)]
    Guest,
}

/// Does what was typed.
pub fn run() -> Result<ExitCode> {
    let Arguments { verb, out } = Arguments::parse();
    match verb {
        None => perform(&out),
        Some(Verb::Guest) => elsewhere::perform(),
        Some(Verb::Client(load)) => client::run(&load).map(|()| ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
