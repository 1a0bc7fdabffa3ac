//! Why a command could not do what it was asked, with its exit status and a hint.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use injector_core::plan::RefusalClass;
use injector_core::problem::{Problem, Problems};
use procfs::ProcError;
use serde_json::{Value, json};
use thiserror::Error;

use super::exit::Exit;
use crate::announce::AnnounceError;
use crate::client::{ClientError, EventsError, KillError};
use crate::logs::LogsError;
use crate::report::WriteReport;
use crate::safety::undo::UndoError;
use crate::target::GatherError;
use crate::target::command::CommandError;

#[derive(Debug, Error)]
pub enum CliError {
    #[error("{}", counted(.0))]
    Problems(Problems),
    #[error("{message}")]
    Usage { message: String, hint: String },
    #[error("{}", counted(problems))]
    Plan {
        class: RefusalClass,
        problems: Problems,
    },
    #[error(transparent)]
    Engine(#[from] ClientError),
    #[error("failed to run the engine")]
    Serve(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("the command was started and could not be waited for")]
    Wait(#[source] io::Error),
    #[error("failed to look at this host")]
    Gather(#[from] GatherError),
    #[error("failed to undo what an engine left")]
    Undo(#[from] UndoError),
    #[error("failed to end the engine")]
    Kill(#[from] KillError),
    #[error("--target: {target} has gone before the fault ended")]
    TargetGone { target: String },
    #[error("{what} could not be put back")]
    Left { what: String },
    #[error("failed to read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("what happened was not written down while it did, beside `{}`", path.display())]
    Diary {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Events(#[from] EventsError),
    #[error(transparent)]
    Announce(#[from] AnnounceError),
    #[error(transparent)]
    Logs(#[from] LogsError),
    #[error("failed to become the user who called sudo")]
    Privilege(#[source] io::Error),
    #[error(transparent)]
    Report(#[from] WriteReport),
    #[error("failed to serve metrics on {address}")]
    Listen {
        address: String,
        #[source]
        source: io::Error,
    },
    #[error("failed to look at the addresses of this host")]
    Addresses(#[source] io::Error),
    #[error("`temblor top` needs a terminal on standard input and output")]
    NoTerminal,
    #[error("failed to draw on the terminal")]
    Terminal(#[source] io::Error),
    #[error("failed to start the event loop")]
    Loop(#[source] io::Error),
    #[error("failed to print")]
    Print(#[source] io::Error),
    #[error("failed to print as JSON")]
    Json(#[source] serde_json::Error),
}

impl CliError {
    pub fn exit(&self) -> Exit {
        match self {
            Self::Announce(AnnounceError::Thread(_)) => Exit::Failed,
            Self::Problems(_)
            | Self::Usage { .. }
            | Self::Announce(_)
            | Self::Read { .. }
            | Self::NoTerminal
            | Self::Command(CommandError::Start { .. } | CommandError::User { .. }) => Exit::Input,
            Self::Plan { class, .. } => match class {
                RefusalClass::Input => Exit::Input,
                RefusalClass::Refused => Exit::Refused,
            },
            Self::Engine(error) => exit_of_client(error),
            Self::Logs(error) => exit_of_logs(error),
            Self::Undo(error) if is_denied(error) => Exit::Refused,
            Self::Gather(error) if hides_from_us(error) => Exit::Refused,
            Self::Undo(_) | Self::Left { .. } => Exit::UndoIncomplete,
            Self::Command(_)
            | Self::Serve(_)
            | Self::Wait(_)
            | Self::Gather(_)
            | Self::Kill(_)
            | Self::TargetGone { .. }
            | Self::Write { .. }
            | Self::Diary { .. }
            | Self::Events(_)
            | Self::Listen { .. }
            | Self::Privilege(_)
            | Self::Report(_)
            | Self::Addresses(_)
            | Self::Terminal(_)
            | Self::Loop(_)
            | Self::Print(_) => Exit::Failed,
            Self::Json(_) => Exit::Bug,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Engine(ClientError::NeedsRoot) => Some(super::again::with_sudo()),
            Self::Engine(error) => error.hint(),
            Self::Undo(error) if is_denied(error) => Some(super::again::with_sudo()),
            Self::Gather(error) if hides_from_us(error) => Some(super::again::with_sudo()),
            Self::Logs(error) => Some(hint_of_logs(error)),
            Self::Undo(error) => error.hint().map(str::to_owned),
            Self::Announce(error) => error.hint().map(str::to_owned),
            Self::Left { .. } => Some("`sudo temblor undo` tries again and says why".to_owned()),
            Self::Kill(_) => Some("`temblor stop` needs the rights of the engine".to_owned()),
            Self::TargetGone { .. } => {
                Some("the report says what the fault did until then".to_owned())
            }
            Self::NoTerminal => Some(
                "`temblor observe` prints the same once, and `temblor observe --json` for programs"
                    .to_owned(),
            ),
            Self::Read { .. } => {
                Some("a file with an experiment, or - for standard input".to_owned())
            }
            Self::Command(CommandError::Start { .. } | CommandError::User { .. }) => {
                Some("after -- stands a program in PATH, or its path, and its arguments".to_owned())
            }
            Self::Problems(_)
            | Self::Plan { .. }
            | Self::Command(_)
            | Self::Serve(_)
            | Self::Wait(_)
            | Self::Gather(_)
            | Self::Write { .. }
            | Self::Diary { .. }
            | Self::Events(_)
            | Self::Listen { .. }
            | Self::Privilege(_)
            | Self::Report(_)
            | Self::Addresses(_)
            | Self::Terminal(_)
            | Self::Loop(_)
            | Self::Print(_)
            | Self::Json(_) => None,
        }
    }

    /// What is wrong with the input, piece by piece, whoever found it.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Problems(problems) | Self::Plan { problems, .. } => &problems.0,
            Self::Engine(ClientError::Answer(failure)) => &failure.problems,
            _ => &[],
        }
    }

    /// The causes, the nearest first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut cause = self.source();
        while let Some(source) = cause {
            causes.push(source.to_string());
            cause = source.source();
        }
        causes
    }

    /// Whoever read our output has gone; nothing is wrong.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Print(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// As a program reads it.
    pub fn to_json(&self) -> Value {
        json!({
            "error": {
                "exit_code": self.exit().code(),
                "class": self.exit().name(),
                "message": self.to_string(),
                "causes": self.causes(),
                "hint": self.hint(),
                "problems": self.problems(),
            }
        })
    }
}

impl From<Problems> for CliError {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

/// More rights would help.
fn is_denied(error: &UndoError) -> bool {
    let (UndoError::Open { source, .. }
    | UndoError::Identify(source)
    | UndoError::Write { source, .. }
    | UndoError::Remove { source, .. }
    | UndoError::Read { source, .. }) = error;
    source.kind() == io::ErrorKind::PermissionDenied
}

fn hides_from_us(error: &GatherError) -> bool {
    match error {
        GatherError::Processes(error) => matches!(error, ProcError::PermissionDenied(_)),
        GatherError::Cgroups(source) => source.kind() == io::ErrorKind::PermissionDenied,
        GatherError::Netns(error) => error.is_denied(),
        GatherError::Mounts(_) => false,
    }
}

fn exit_of_logs(error: &LogsError) -> Exit {
    match error {
        LogsError::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Exit::Refused
        }
        LogsError::NoLogs { .. }
        | LogsError::Nobody { .. }
        | LogsError::File { .. }
        | LogsError::TooMany { .. } => Exit::Input,
        LogsError::Nothing { .. } => Exit::Refused,
        LogsError::Gather(error) if hides_from_us(error) => Exit::Refused,
        LogsError::Gather(_) => Exit::Failed,
    }
}

fn hint_of_logs(error: &LogsError) -> String {
    match error {
        LogsError::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            super::again::with_sudo()
        }
        LogsError::NoLogs { .. } => {
            "name who writes them: pid:, unit:, container:, cgroup:, comm:, exe: or user:"
                .to_owned()
        }
        LogsError::Nobody { .. } => "`temblor targets` lists what there is".to_owned(),
        LogsError::File { .. } => "the path of a regular file that is there already".to_owned(),
        LogsError::TooMany { .. } => "name fewer with --file".to_owned(),
        LogsError::Nothing { .. } => {
            "if it also writes to a file, name that with --file alone".to_owned()
        }
        LogsError::Gather(_) => super::again::with_sudo(),
    }
}

fn exit_of_client(error: &ClientError) -> Exit {
    match error {
        ClientError::NeedsRoot | ClientError::NotRunning { .. } | ClientError::Protocol { .. } => {
            Exit::Refused
        }
        ClientError::Answer(failure) => Exit::of_code(failure.class.exit_code()),
        ClientError::TooLong { .. } => Exit::Input,
        ClientError::Connect { .. }
        | ClientError::Start { .. }
        | ClientError::Ended { .. }
        | ClientError::Slow { .. }
        | ClientError::Silent { .. }
        | ClientError::Gone => Exit::Failed,
        ClientError::Write(_) | ClientError::Unexpected => Exit::Bug,
    }
}

fn counted(problems: &Problems) -> String {
    match problems.0.as_slice() {
        [one] => one.to_string(),
        all => format!("{} problems", all.len()),
    }
}
