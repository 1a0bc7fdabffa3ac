//! From the words of the command line to an exit status.

use std::env;
use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, FromArgMatches as _};

use super::command::{Cli, Verb, command};
use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;
use super::out::Out;
use super::style::Choice;
use super::{
    baseline, completions, convert, doctor, engine, graph, inject, logs, man, metrics, observe,
    plan, run, status, stop, targets, top, undo, validate,
};
use crate::pressure::{WORKER, work};
use crate::sys::process::leave;

/// Does what the process was started for. Starts no thread before an engine has forked its keeper.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().collect();
    if words.get(1).is_some_and(|word| word == WORKER) {
        return work();
    }
    let early = Early::of(&words);
    let cli = match read(words, early.color) {
        Ok(cli) => cli,
        Err(error) => return refuse(early, &error),
    };
    let context = Context::new(&cli.globals);
    let done = if let Verb::Engine(args) = &cli.verb {
        match engine::run(&cli.globals, args) {
            Ok(code) => return code,
            Err(error) => Err(error),
        }
    } else {
        own_up_to_bugs();
        verb(&context, cli.verb)
    };
    let exit = done.unwrap_or_else(|error| {
        if error.is_broken_pipe() {
            return Exit::Passed;
        }
        context.out.failure(&error);
        error.exit()
    });
    ExitCode::from(exit.code())
}

fn verb(context: &Context, verb: Verb) -> Result<Exit, CliError> {
    match verb {
        Verb::Doctor(args) => doctor::run(context, args),
        Verb::Targets(args) => targets::run(context, args),
        Verb::Observe(args) => wait_for(observe::run(context, args)),
        Verb::Top(args) => wait_for(top::run(context, args)),
        Verb::Graph(args) => wait_for(graph::run(context, args)),
        Verb::Baseline(args) => wait_for(baseline::run(context, args)),
        Verb::Plan(args) => wait_for(plan::run(context, args)),
        Verb::Inject(args) => wait_for(inject::run(context, args)),
        Verb::Run(args) => wait_for(run::run(context, args)),
        Verb::Validate(args) => validate::run(context, &args),
        Verb::Convert(args) => convert::run(context, &args),
        Verb::Status(args) => wait_for(status::run(context, args)),
        Verb::Stop(args) => wait_for(stop::run(context, args)),
        Verb::Undo(args) => undo::run(context, args),
        Verb::Logs(args) => wait_for(logs::run(context, args)),
        Verb::Metrics(args) => wait_for(metrics::run(context, args)),
        Verb::Completions(args) => completions::run(context, args),
        Verb::Man(args) => man::run(context, &args),
        // Has been dealt with: it must not come this far, where there may be threads.
        Verb::Engine(_) => Ok(Exit::Bug),
    }
}

fn wait_for(done: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().map_err(CliError::Loop)?;
    runtime.block_on(done)
}

fn read(words: Vec<OsString>, color: Choice) -> Result<Cli, clap::Error> {
    let color = match color {
        Choice::Auto => ColorChoice::Auto,
        Choice::Always => ColorChoice::Always,
        Choice::Never => ColorChoice::Never,
    };
    let mut command = command().color(color);
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// What must be known to say that the command line cannot be read.
#[derive(Clone, Copy, Debug)]
struct Early {
    json: bool,
    color: Choice,
}

impl Early {
    fn of(words: &[OsString]) -> Self {
        let mut ours = words.iter().map(|word| word.to_str().unwrap_or_default());
        let ours: Vec<&str> = ours.by_ref().take_while(|word| *word != "--").collect();
        let pairs = ours.windows(2).map(|pair| match pair {
            ["--color", value] => *value,
            _ => "",
        });
        let joined = ours.iter().filter_map(|word| word.strip_prefix("--color="));
        let color = pairs.chain(joined).find_map(|value| match value {
            "always" => Some(Choice::Always),
            "never" => Some(Choice::Never),
            _ => None,
        });
        Self {
            json: ours.contains(&"--json"),
            color: color.unwrap_or_default(),
        }
    }
}

/// Help and version are what was asked for; everything else is wrong.
fn refuse(early: Early, error: &clap::Error) -> ExitCode {
    let out = Out::new(early.json, false, early.color);
    let asked = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if asked {
        // Prints to standard output, in colours if it may.
        let _reader_has_gone = error.print();
        return ExitCode::from(Exit::Passed.code());
    }
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) && !early.json
    {
        let _reader_has_gone = error.print();
        return ExitCode::from(Exit::Input.code());
    }
    let failure = usage(error);
    out.failure(&failure);
    ExitCode::from(failure.exit().code())
}

/// clap's message in our form: what is wrong, then one hint.
fn usage(error: &clap::Error) -> CliError {
    let text = error.render().to_string();
    let about: Vec<&str> = text
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .lines()
        .collect();
    let about = about.iter().map(|line| line.trim());
    let message = about
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let message = message
        .strip_prefix("error: ")
        .unwrap_or(&message)
        .to_owned();
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: "));
    let more = usage.map(|usage| format!("{}; `--help` says more", usage.trim()));
    let hint = suggestion(error).or(more);
    CliError::Usage {
        message,
        hint: hint.unwrap_or_else(|| "`temblor --help` says how".to_owned()),
    }
}

fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    let found = kinds.into_iter().find_map(|kind| error.get(kind))?;
    let near = match found {
        ContextValue::String(near) => near.clone(),
        // The likeliest is last.
        ContextValue::Strings(all) => all.last()?.clone(),
        _ => return None,
    };
    Some(format!("did you mean `{near}`"))
}

/// A panic ends the process with the status that says so; the engine sees the connection close.
fn own_up_to_bugs() {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        say(panic);
        if std::thread::current().name() == Some("main") {
            leave(i32::from(Exit::Bug.code()));
        }
    }));
}
