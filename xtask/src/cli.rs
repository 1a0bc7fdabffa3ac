//! What can be typed, and where it goes.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::{build, drive, lint, setup, test, tidy, vm};

/// Set up, build, test, demo, bench, lint and tidy Temblor.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask",
    after_help = "On a fresh clone:\n  cargo xtask demo    set up, build and watch a chaos \
                  experiment on a real Redis\n  cargo xtask test    set up and run every test"
)]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Setup(setup::Arguments),
    Build(build::Arguments),
    Demo(Demo),
    Test(test::Arguments),
    Bench(Bench),
    Lint(lint::Arguments),
    Vm(vm::Arguments),
    /// Check what neither the compiler nor clippy checks: package directions, budgets, conventions.
    #[command(after_help = "Example:\n  cargo xtask tidy    warnings are advice, failures must go")]
    Tidy,
}

/// Set the machine up, build, and run the demo as root.
///
/// Builds run as you; only the demo's engine needs root, through `sudo` when you are not root.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask demo\n  cargo xtask demo -- --help    what the demo \
                  itself understands"
)]
struct Demo {
    /// Arguments for the demo itself.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Set the machine up, build, and run benchmarks as root.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask bench delay-error\n  cargo xtask bench --all --json \
                  target/bench.json"
)]
struct Bench {
    /// Which benchmarks; `--all` for every one.
    #[arg(required_unless_present = "all")]
    names: Vec<String>,
    /// Run every benchmark.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Also write the rows (metric, ours, peer, ratio) to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Arguments for the benchmark program itself.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Does what was typed.
pub(crate) fn run() -> Result<ExitCode> {
    let code = match Arguments::parse().command {
        Verb::Setup(arguments) => setup::run(&arguments).map(|()| 0)?,
        Verb::Build(arguments) => build::run(&arguments).map(|()| 0)?,
        Verb::Demo(Demo { rest }) => drive::demo(&rest)?,
        Verb::Test(arguments) => test::run(&arguments)?,
        Verb::Bench(bench) => drive::bench(&bench.arguments())?,
        Verb::Lint(arguments) => lint::run(&arguments).map(|_| 0)?,
        Verb::Vm(arguments) => vm::run(&arguments)?,
        Verb::Tidy => u8::from(tidy::run()?.failed > 0),
    };
    Ok(ExitCode::from(code))
}

impl Bench {
    fn arguments(self) -> Vec<String> {
        let Self {
            names,
            all,
            json,
            rest,
        } = self;
        let all = all.then(|| "--all".to_owned());
        let json = json.map(|file| ["--json".to_owned(), file.to_string_lossy().into_owned()]);
        let json = json.into_iter().flatten();
        names
            .into_iter()
            .chain(all)
            .chain(json)
            .chain(rest)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Arguments, Verb};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_with_an_example() {
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.contains("cargo xtask"), "{}", command.get_name());
        }
    }

    #[test]
    fn benchmark_arguments_are_passed_on() {
        let line = [
            "xtask", "bench", "--all", "--json", "out.json", "--", "--quick",
        ];
        let Verb::Bench(bench) = Arguments::parse_from(line).command else {
            panic!("not a benchmark");
        };
        assert_eq!(
            bench.arguments(),
            ["--all", "--json", "out.json", "--quick"]
        );
    }
}
