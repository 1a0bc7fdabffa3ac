//! `temblor engine`: the privileged process that the other commands start.

use std::process::ExitCode;
use std::time::Duration;

use injector_core::problem::Invalid;
use injector_core::units::parse_duration;

use super::context::Globals;
use super::failure::CliError;
use crate::engine::{self, Options};

/// Run the engine in the foreground, as a service would
///
/// Commands that need an engine start one by themselves. It says what it does on standard error.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct EngineArgs {
    /// Leave when there was neither a client nor a fault for this long; `never` to stay
    #[arg(long, value_name = "TIME", default_value = "60s")]
    idle_exit: IdleExit,
}

/// A duration, or none.
#[derive(Clone, Copy, Debug)]
struct IdleExit(Option<Duration>);

impl std::str::FromStr for IdleExit {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "never" => Ok(Self(None)),
            _ => parse_duration(text).map(|duration| Self(Some(duration))),
        }
    }
}

/// Serves until it is told to leave. No thread may exist yet.
pub(super) fn run(globals: &Globals, args: &EngineArgs) -> Result<ExitCode, CliError> {
    let options = Options {
        run_dir: globals.run_dir.clone(),
        idle_exit: args.idle_exit.0,
    };
    engine::run(&options).map_err(|error| CliError::Serve(error.into_boxed_dyn_error()))
}
