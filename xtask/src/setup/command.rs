//! The command and its order of work.

use anyhow::Result;
use clap::Args;

use crate::{
    exec::say,
    setup::{apt::Apt, chaostoolkit, packages::Purpose, toolchain, tools},
    workspace::Workspace,
};

/// Install what is missing to build and run, without changing the system.
///
/// Everything goes below cargo's target folder; nothing needs root. Running it again only checks.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask setup\n  cargo xtask setup --for demo    only what the \
                  demo needs\n\nOther distributions than Debian need rustup's nightly with rust-src \
                  and the programs\nthat setup lists on PATH."
)]
pub(crate) struct Arguments {
    /// What the machine is wanted for.
    #[arg(long = "for", value_enum, default_value_t = Purpose::All)]
    purpose: Purpose,
}

/// Installs what is missing.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::members()?;
    prepare(&workspace, arguments.purpose)?;
    say("setup: complete");
    Ok(())
}

/// The same, for the commands that begin with it.
pub(crate) fn prepare(workspace: &Workspace, purpose: Purpose) -> Result<()> {
    let mut apt = Apt::new(&workspace.target().join("apt"));
    toolchain::install(workspace, &mut apt)?;
    tools::install(workspace, &mut apt, purpose)?;
    chaostoolkit::install(workspace, purpose)
}
