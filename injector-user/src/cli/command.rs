//! The whole command line: its verbs, and the help that ties them together.

use clap::{Command, CommandFactory as _, Parser};
use injector_core::fault::Kind;

use super::baseline::BaselineArgs;
use super::completions::Completions;
use super::context::Globals;
use super::convert::Convert;
use super::doctor::Doctor;
use super::engine::EngineArgs;
use super::examples;
use super::exit::Exit;
use super::graph::GraphArgs;
use super::inject::Inject;
use super::logs::LogsArgs;
use super::man::ManArgs;
use super::metrics::Metrics;
use super::observe::Observe;
use super::plan::{self, PlanArgs};
use super::run::Run;
use super::status::Status;
use super::stop::Stop;
use super::targets::Targets;
use super::top::TopArgs;
use super::undo::Undo;
use super::validate::Validate;

/// Shakes a host on purpose, safely, and tells what broke
///
/// Temblor injects latency, loss, failing calls and freezes into chosen processes, cgroups,
/// interfaces and namespaces, proves what it did, and leaves nothing behind.
#[derive(Clone, Debug, Parser)]
#[command(name = "temblor", version, disable_help_subcommand = false)]
pub(super) struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Verb {
    Doctor(Doctor),
    Targets(Targets),
    Plan(PlanArgs),
    Inject(Inject),
    Run(Run),
    Validate(Validate),
    Convert(Convert),
    Observe(Observe),
    Top(TopArgs),
    Graph(GraphArgs),
    Baseline(BaselineArgs),
    Status(Status),
    Stop(Stop),
    Undo(Undo),
    Logs(LogsArgs),
    Metrics(Metrics),
    Completions(Completions),
    Man(ManArgs),
    Engine(EngineArgs),
}

const EXAMPLES: &str = "Examples:
  # What can this host do?
  sudo temblor doctor
  # Who could suffer what?
  temblor targets
  # What would be done?
  sudo temblor plan net.delay --target pid:123 --latency 20ms --duration 60s
  # Do it
  sudo temblor inject net.delay --target pid:123 --latency 20ms --duration 60s
  # What do targets feel?
  sudo temblor observe pid:123 --duration 10s
  # The same live, for the busiest cgroups
  sudo temblor top
  # Who talks to whom?
  sudo temblor graph --duration 10s
  # What is natural for them?
  sudo temblor baseline pid:123 --duration 60s
  # What does it log meanwhile?
  sudo temblor logs pid:123 --duration 60s
  # A whole experiment, with a report
  sudo temblor run deploy/examples/net-delay.yaml
  # An experiment of another tool
  temblor convert --from chaos-mesh delay.yaml --target container:web
  # End everything, from any shell
  sudo temblor stop";

/// The command line as clap knows it, for reading, completing and the manual.
pub fn command() -> Command {
    let mut command = Cli::command()
        .after_help(EXAMPLES)
        .after_long_help(format!("{EXAMPLES}\n\n{}", Exit::table()));
    for verb in ["inject", "plan"] {
        command = command.mut_subcommand(verb, |verb_command| {
            let kinds = Kind::ALL.iter().copied();
            kinds.fold(verb_command, |verb_command, kind| {
                verb_command.mut_subcommand(kind.name(), |fault| {
                    let fault = fault.after_help(examples::of_fault(verb, kind));
                    match verb {
                        "plan" => fault.arg(plan::arg(kind)),
                        _ => fault,
                    }
                })
            })
        });
    }
    command
}
