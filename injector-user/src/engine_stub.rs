//! Stands in for the engine until its branch is merged.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Where an engine lives and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    pub run_dir: PathBuf,
    pub idle_exit: Option<Duration>,
}

/// Refuses.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("no engine in this build for `{}`", options.run_dir.display())
}
