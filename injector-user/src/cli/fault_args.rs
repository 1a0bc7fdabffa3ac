//! The flags of the faults, made from the one schema.
//!
//! One subcommand for each fault. Nothing is judged here: texts go to the parser that experiments
//! and the engine use too, so that it says everything that is wrong at once.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand};
use injector_core::fault::schema::{self, Param, ValueType};
use injector_core::fault::{self, FaultSpec, Given, Kind};
use injector_core::problem::{Place, Problem, Problems};
use injector_core::target::Selector;

use super::plan::COUNT_FOR;
use super::replay::Recorded;

/// The words after `--`.
const COMMAND: &str = "command";

/// A fault as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FaultArgs {
    pub kind: Kind,
    params: BTreeMap<String, Given>,
    /// What to start as the target; empty if there is a target already.
    pub command: Vec<String>,
    /// For how long a plan is to count.
    pub count_for: Option<Duration>,
}

impl FaultArgs {
    /// The fault, or everything that is wrong with it.
    pub(super) fn spec(&self) -> Result<FaultSpec, Problems> {
        let mut params = self.params.clone();
        if !self.command.is_empty() {
            let target = Given {
                text: Selector::Command(self.command.clone()).to_string(),
                place: Place {
                    path: "-- COMMAND".to_owned(),
                    ..Place::default()
                },
            };
            if let Some(given) = params.insert("target".to_owned(), target) {
                let problem = Problem::new(given.place, "a command is the target itself");
                let hint = "leave --target or the command after -- away";
                return Err(problem.hint(hint).into());
            }
        }
        if let Some(given) = params.get_mut("samples") {
            from_file(given)?;
        }
        fault::parse(self.kind, &params)
    }
}

/// Reads what `@FILE` names: one value a line, or several by comma.
fn from_file(given: &mut Given) -> Result<(), Problem> {
    let Some(path) = given.text.strip_prefix('@') else {
        return Ok(());
    };
    let text = fs::read_to_string(path).map_err(|error| {
        let problem = Problem::new(
            given.place.clone(),
            format!("failed to read `{path}`: {error}"),
        );
        problem.hint("a text file with one duration a line, such as 12.5ms")
    })?;
    let lines = text.lines().map(|line| line.trim().trim_end_matches(','));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    given.text = lines.join(",");
    Ok(())
}

impl FaultArgs {
    /// A fault that is done again, as it stands in a report.
    pub(super) fn recorded(recorded: Recorded) -> Self {
        let nothing = Self {
            kind: recorded.kind,
            params: BTreeMap::new(),
            command: Vec::new(),
            count_for: None,
        };
        nothing.completed(recorded)
    }

    /// The rest as it stands in a report.
    pub(super) fn completed(mut self, recorded: Recorded) -> Self {
        for (name, given) in recorded.params {
            match given.text.parse() {
                Ok(Selector::Command(words)) if name == "target" => {
                    if self.command.is_empty() && !self.params.contains_key("target") {
                        self.command = words;
                    }
                }
                _ if name == "target" && !self.command.is_empty() => {}
                _ => {
                    self.params.entry(name).or_insert(given);
                }
            }
        }
        self
    }
}

impl FromArgMatches for FaultArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(ErrorKind::MissingSubcommand);
        let (name, matches) = matches.subcommand().ok_or_else(missing)?;
        let kind: Kind = name.parse().map_err(|_unknown| missing())?;
        let mut params = BTreeMap::new();
        for param in schema::params(kind) {
            if let Some(text) = given(param, matches) {
                params.insert(param.name.to_owned(), Given::flag(param.name, text));
            }
        }
        let command = matches.get_many::<String>(COMMAND).into_iter().flatten();
        Ok(Self {
            kind,
            params,
            command: command.cloned().collect(),
            count_for: count_for(matches),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for FaultArgs {
    fn augment_subcommands(command: Command) -> Command {
        let kinds = Kind::ALL.iter().copied();
        let command = command
            .subcommand_value_name("FAULT")
            .subcommand_help_heading("Faults");
        kinds.fold(command, |command, kind| command.subcommand(of_kind(kind)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Kind::NAMES.contains(&name)
    }
}

fn of_kind(kind: Kind) -> Command {
    let command = Command::new(kind.name()).about(sentence(kind.summary()));
    let own = |param: &Param| param.kinds.len() < Kind::ALL.len();
    let arg = |param: &'static Param| {
        let heading = if param.required || own(param) {
            "This fault"
        } else {
            "Every fault"
        };
        argument(param).help_heading(heading)
    };
    let words = Arg::new(COMMAND)
        .value_name("COMMAND")
        .help("Start this as the target, in a cgroup of its own, instead of --target")
        .action(ArgAction::Append)
        .num_args(1..)
        .last(true);
    command.args(schema::params(kind).map(arg)).arg(words)
}

fn argument(param: &'static Param) -> Arg {
    let flag = param.flag();
    let arg = Arg::new(param.name)
        .long(flag.trim_start_matches('-').to_owned())
        .help(help(param));
    match param.value {
        ValueType::Flag => arg.action(ArgAction::SetTrue),
        ValueType::Peers
        | ValueType::Ports
        | ValueType::Durations
        | ValueType::Syscalls
        | ValueType::Errors
        | ValueType::Words(_) => valued(arg, param).action(ArgAction::Append),
        ValueType::Adjustment => valued(arg, param).allow_negative_numbers(true),
        ValueType::Target
        | ValueType::Duration
        | ValueType::Probability
        | ValueType::When
        | ValueType::Count(_)
        | ValueType::Share
        | ValueType::Label
        | ValueType::Errno
        | ValueType::Signal
        | ValueType::Rate
        | ValueType::CpuShare
        | ValueType::Size
        | ValueType::Percent
        | ValueType::Returned
        | ValueType::Path
        | ValueType::Sizes
        | ValueType::Word(_) => valued(arg, param),
    }
}

fn valued(arg: Arg, param: &Param) -> Arg {
    let name = match param.value {
        ValueType::Target => "TARGET",
        ValueType::Duration => "TIME",
        ValueType::Probability => "SHARE",
        ValueType::When => "FIRST[..LAST][+STEP]",
        ValueType::Count(_) | ValueType::Adjustment => "N",
        ValueType::Share => "N[%]",
        ValueType::Label => "LABEL",
        ValueType::Flag => "BOOL",
        ValueType::Peers => "ADDRESS[,…]",
        ValueType::Ports => "PORT[,…]",
        ValueType::Errno => "ERRNO",
        ValueType::Signal => "SIGNAL",
        ValueType::Rate => "RATE",
        ValueType::Size => "SIZE",
        ValueType::CpuShare | ValueType::Percent => "N%",
        ValueType::Durations => "TIME[,…]|@FILE",
        ValueType::Syscalls => "SYSCALL[,…]",
        ValueType::Errors => "ERRNO[:WEIGHT][,…]",
        ValueType::Returned => "NUMBER|requested",
        ValueType::Path => "PATH",
        ValueType::Sizes => "[LEAST]..[MOST]",
        ValueType::Word(_) => "WORD",
        ValueType::Words(_) => "WORD[,…]",
    };
    let arg = arg.value_name(name).allow_negative_numbers(true);
    match param.words() {
        [] => arg,
        words => arg.value_parser(Words(words)),
    }
}

fn help(param: &Param) -> String {
    let flag = param.value == ValueType::Flag;
    let range = if flag {
        String::new()
    } else {
        format!(" ({})", param.range)
    };
    let default = param.default.filter(|_| !flag);
    let notes = [
        param.required.then(|| "needed".to_owned()),
        default.map(|default| format!("default {default}")),
        // The words that shells complete are listed already.
        (!flag && param.words().is_empty()).then(|| format!("such as {}", param.example)),
    ];
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!(" [{}]", notes.join(", "))
    };
    sentence(&format!("{}{range}{notes}", param.help))
}

/// The text of a parameter; that of one given several times is a list.
fn given(param: &Param, matches: &ArgMatches) -> Option<String> {
    if param.value == ValueType::Flag {
        return matches.get_flag(param.name).then(|| "true".to_owned());
    }
    let texts = matches.get_many::<String>(param.name)?;
    let texts: Vec<&str> = texts.map(String::as_str).collect();
    Some(texts.join(","))
}

/// Only a plan has the flag.
fn count_for(matches: &ArgMatches) -> Option<Duration> {
    matches.try_get_one(COUNT_FOR).ok().flatten().copied()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

/// Words that a shell may complete; whether they are right is not decided here.
#[derive(Clone, Copy, Debug)]
struct Words(&'static [&'static str]);

impl TypedValueParser for Words {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        clap::builder::StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}
