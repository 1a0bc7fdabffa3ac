//! Runs whose process was killed: said, and their rollbacks played if that is wanted.

use std::path::{Path, PathBuf};

use injector_core::experiment::{Activity, Experiment, HypothesisStrategy, RollbackStrategy};
use injector_core::journal::{Entry, Unfinished};
use injector_core::report::Phase;
use serde_json::Value;

use super::given::GivenValues;
use super::journal;
use super::session::{Clients, Session};
use crate::cli::context::Context;
use crate::cli::experiment;
use crate::cli::failure::CliError;
use crate::journal::{Diary, Keeper, Left, left};
use crate::runner::Options;

/// What is done about runs that did not end.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct UnfinishedArgs {
    /// What to do first about runs with the same journal whose process was killed
    #[arg(long, value_name = "WHAT", default_value = "tell")]
    unfinished: Policy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Policy {
    /// Say which rollbacks were not played, at each start
    Tell,
    /// Play them
    Rollback,
    /// Leave them
    Forget,
}

/// A run that was killed, and what is to be done about it.
#[derive(Debug)]
pub(super) struct Overdue {
    diary: Diary,
    /// Its rollbacks and nothing else, if they are to be played now.
    pub(super) experiment: Option<Experiment>,
    run: Killed,
}

/// What is known of it.
#[derive(Debug)]
struct Killed {
    /// Where its experiment was read from.
    file: PathBuf,
    unfinished: Unfinished,
    /// Where its journal goes.
    path: PathBuf,
    /// Whether nobody wants its rollbacks.
    is_forgotten: bool,
}

impl UnfinishedArgs {
    /// Runs with their journal there whose process is gone. Nothing is changed by looking.
    pub(super) fn find(
        &self,
        context: &Context,
        given: &GivenValues,
        journal_path: &Path,
    ) -> Result<Vec<Overdue>, CliError> {
        let found = left(journal_path).map_err(|source| CliError::Read {
            path: journal_path.to_owned(),
            source,
        })?;
        let overdue = |left: Left| {
            let experiment = self.to_play(context, given, &left)?;
            Ok(Overdue {
                diary: left.diary,
                experiment,
                run: Killed {
                    path: path_of(journal_path, left.unfinished.start()),
                    file: left.file,
                    unfinished: left.unfinished,
                    is_forgotten: self.unfinished == Policy::Forget,
                },
            })
        };
        found.into_iter().map(overdue).collect()
    }

    fn to_play(
        &self,
        context: &Context,
        given: &GivenValues,
        left: &Left,
    ) -> Result<Option<Experiment>, CliError> {
        let rollbacks = left.unfinished.rollbacks_left();
        if self.unfinished != Policy::Rollback || rollbacks.is_empty() {
            return Ok(None);
        }
        let (experiment, warnings) =
            experiment::load(&left.file, &given.given, &given.environment)?;
        experiment::warn(context.out, &warnings);
        Ok(Some(only(experiment, &rollbacks)))
    }
}

impl Overdue {
    /// Writes its journal, and plays its rollbacks or says what there is to play.
    pub(super) async fn settle(
        self,
        session: &mut Session<'_>,
        clients: Clients,
        options: Options,
    ) -> Result<(), CliError> {
        let Self {
            diary,
            experiment,
            mut run,
        } = self;
        let context = session.context;
        run.write()?;
        run.tell(context);
        let Some(experiment) = experiment else {
            run.conclude(context, &diary);
            return Ok(());
        };
        let keeper = Keeper::begin(&experiment, options.started, &options.host);
        let kept = (keeper, diary);
        // What is played now goes to the diary of the run that was killed, and to its journal.
        let (_report, recorder) = session.perform(experiment, clients, options, kept).await;
        let mut record = recorder.record();
        session.complain_of(&mut record, &run.path);
        for played in &record.keeper.so_far().rollbacks {
            run.unfinished.add(Entry::Played {
                phase: Phase::Rollback,
                played: played.clone(),
            });
        }
        run.write()?;
        run.conclude(context, &record.diary);
        drop(record);
        Ok(())
    }
}

impl Killed {
    /// Says what there is to play, if somebody may still want it.
    fn conclude(&self, context: &Context, diary: &Diary) {
        if self.is_forgotten || self.unfinished.rollbacks_left().is_empty() {
            diary.remove();
        } else {
            self.offer(context);
        }
    }

    fn write(&self) -> Result<(), CliError> {
        journal::write(&self.path, &self.unfinished.clone().interrupted())
    }

    fn tell(&self, context: &Context) {
        let (style, start) = (context.out.aside, self.unfinished.start());
        let text = format!(
            "{}the run of `{}` that began at {start} was interrupted: its process is gone, and its faults with \
             it. Its journal: {}",
            style.unsure("warning: "),
            self.file.display(),
            self.path.display(),
        );
        context.out.note(&text);
    }

    fn offer(&self, context: &Context) {
        let name = |rollback: &Value| match rollback.get("name").and_then(Value::as_str) {
            Some(name) => format!("`{name}`"),
            None => rollback.to_string(),
        };
        let left = self.unfinished.rollbacks_left().into_iter();
        let names: Vec<_> = left.map(name).collect();
        let style = context.out.aside;
        let text = format!(
            "rollbacks of it that nobody has played: {}",
            names.join(", ")
        );
        context
            .out
            .note(&format!("{}{text}", style.unsure("warning: ")));
        let hint = "--unfinished rollback plays them first, --unfinished forget leaves them";
        context.out.note(&style.hint(hint));
    }
}

/// Beside the journal, with its own time.
fn path_of(journal_path: &Path, start: &str) -> PathBuf {
    let stem = journal_path.file_stem().unwrap_or_default();
    let mut name = stem.to_owned();
    // To the second; colons are not for every file system.
    let second = start.split(['.', '+']).next().unwrap_or_default();
    name.push(format!("-interrupted-{}.json", second.replace(':', "-")));
    journal_path.with_file_name(name)
}

/// The experiment with those of its rollbacks and nothing else.
fn only(mut experiment: Experiment, rollbacks: &[&Value]) -> Experiment {
    let secrets = experiment.secrets.clone();
    let mut rollbacks = rollbacks.to_vec();
    experiment.rollbacks.retain(|activity: &Activity| {
        let source = secrets.redact_value((*activity.source).clone());
        let place = rollbacks.iter().position(|left| **left == source);
        place.map(|place| rollbacks.remove(place)).is_some()
    });
    experiment.hypothesis = None;
    experiment.method.clear();
    experiment.breakers.clear();
    experiment.observe = None;
    experiment.runtime.hypothesis = HypothesisStrategy::Skip;
    experiment.runtime.rollbacks = RollbackStrategy::Always;
    experiment
}
