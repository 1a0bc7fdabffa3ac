//! Runs an experiment.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use injector_core::experiment::Experiment;
use injector_core::problem::{Problem, Problems};
use injector_core::report::{Report, Verdict};
use serde::Serialize;
use tokio::sync::watch;

use super::given::{GivenArgs, GivenValues};
use super::host::facts;
use super::journal::{self, JournalArgs};
use super::session::{Clients, Session, begin_diary};
use super::strategy::StrategyArgs;
use super::unfinished::UnfinishedArgs;
use crate::cli::announce::{self, AnnounceArgs};
use crate::cli::baseline;
use crate::cli::caller::drop_to_caller;
use crate::cli::context::Context;
use crate::cli::events::{self, EventsArg};
use crate::cli::exit::Exit;
use crate::cli::experiment;
use crate::cli::failure::CliError;
use crate::cli::interrupts::Interrupts;
use crate::cli::replay;
use crate::cli::style::Style;
use crate::clock::unix_ms;
use crate::journal::Keeper;
use crate::report::write;
use crate::runner::{Cancel, Options, missing_programs};

/// Run an experiment and write its report
///
/// Reads Chaos Toolkit experiments, so that it stands in for `chaos run`, with the provider `temblor`
/// for faults. Only the engine keeps root: with sudo, programs run and files belong to you.
/// Ctrl-C once ends the faults, plays the rollbacks and writes the report; twice leaves the rollbacks
/// out.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  # Without faults no root is needed
  temblor run health.yaml
  # With faults, and the report where you want it
  sudo temblor run --out reports/today deploy/examples/net-delay.yaml")]
pub(in crate::cli) struct Run {
    /// A Chaos Toolkit experiment in YAML or JSON; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write report.json, report.md, report.html and metrics.prom; `temblor-out` if not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Makes the waiting times of breakers that arm again repeatable
    #[arg(long, value_name = "N", default_value = "0")]
    seed: u64,
    #[command(flatten)]
    given: GivenArgs,
    #[command(flatten)]
    strategy: StrategyArgs,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    unfinished: UnfinishedArgs,
    #[command(flatten)]
    events: EventsArg,
    #[command(flatten)]
    announce: AnnounceArgs,
    /// What is natural for a target, as `temblor baseline` kept it; may be given for each target. For
    /// others the run itself is looked at before its first fault
    #[arg(long = "baseline", value_name = "FILE")]
    baselines: Vec<PathBuf>,
    /// Give the faults the seeds of this report, which must be of the same faults
    #[arg(long, value_name = "REPORT")]
    replay: Option<PathBuf>,
}

impl Run {
    fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new("temblor-out"))
    }
}

/// What programs read: the report, and where it is.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    report: &'a Report,
    files: &'a [PathBuf],
}

/// Exits as the report says.
pub(in crate::cli) async fn run(context: &Context, args: Run) -> Result<Exit, CliError> {
    let given = args.given.read()?;
    let (experiment, warnings) = read(&args, &given)?;
    experiment::warn(context.out, &warnings);
    let baselines = args.baselines.iter().map(|path| baseline::read(path));
    let baselines = baselines.collect::<Result<Vec<_>, _>>()?;
    let journal = args.journal.path(args.out.as_deref());
    let overdue = args.unfinished.find(context, &given, &journal)?;
    let interrupts = Interrupts::catch()?;
    let mut late = Vec::new();
    for overdue in overdue {
        let clients = match &overdue.experiment {
            Some(experiment) => engine(context, experiment).await?,
            None => None,
        };
        late.push((overdue, clients));
    }
    let clients = engine(context, &experiment).await?;
    drop_to_caller()?;
    let mut session = Session {
        context,
        interrupts,
        events: args.events.create(context.out)?,
        announcer: announce::start(context.out, args.announce.destinations()?),
    };
    for (overdue, clients) in late {
        let options = options(&args, &[], &given);
        overdue.settle(&mut session, clients, options).await?;
    }
    make_room(&args, &journal)?;
    let options = Options {
        baselines,
        ..options(&args, &warnings, &given)
    };
    conduct(session, &args, (experiment, clients), options, &journal).await
}

/// From the first word of the experiment to the last of its report.
async fn conduct(
    mut session: Session<'_>,
    args: &Run,
    (experiment, clients): (Experiment, Clients),
    options: Options,
    path: &Path,
) -> Result<Exit, CliError> {
    let out = session.context.out;
    out.note(&out.aside.title(&experiment.title));
    let keeper = Keeper::begin(&experiment, options.started, &options.host);
    let diary = begin_diary(&args.file, path, &experiment, &keeper)?;
    let kept = (keeper, diary);
    let (report, recorder) = session.perform(experiment, clients, options, kept).await;
    let journal = recorder.record().keeper.end(&report);
    let written = journal::write(path, &journal);
    session.complain_of(&mut recorder.record(), path);
    // Without a journal it is all there is.
    if written.is_ok() {
        recorder.record().diary.remove();
    }
    let logged = events::finished(session.events.as_ref()).await;
    let told = tell(session.context, args, &report);
    announce::finish(out, session.announcer.as_ref()).await;
    told?;
    written?;
    let exit = args.journal.exit(&report, &journal);
    Ok(events::concluded(out, logged, exit))
}

/// Before anything is injected: a report that cannot be written is worth knowing now.
fn make_room(args: &Run, journal: &Path) -> Result<(), CliError> {
    let directories = [Some(args.out()), journal.parent()];
    for directory in directories.into_iter().flatten() {
        if directory != Path::new("") {
            std::fs::create_dir_all(directory).map_err(|source| CliError::Write {
                path: directory.to_owned(),
                source,
            })?;
        }
    }
    Ok(())
}

/// Writes the report and prints it.
fn tell(context: &Context, args: &Run, report: &Report) -> Result<(), CliError> {
    let files = write(args.out(), report)?;
    let written = Written {
        report,
        files: &files,
    };
    context
        .out
        .result(&written, |style| text(report, &files, style))
}

/// The experiment, as it is to be done.
fn read(args: &Run, given: &GivenValues) -> Result<(Experiment, Vec<Problem>), CliError> {
    let GivenValues { given, environment } = given;
    let (mut experiment, warnings) = experiment::load(&args.file, given, environment)?;
    args.strategy.apply(&mut experiment.runtime);
    if let Some(report) = &args.replay {
        replay::experiment(&mut experiment, report)?;
    }
    let missing = missing_programs(&experiment);
    if missing.is_empty() {
        Ok((experiment, warnings))
    } else {
        Err(Problems(missing).into())
    }
}

/// Nobody watches yet.
fn options(args: &Run, warnings: &[Problem], given: &GivenValues) -> Options {
    Options {
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms()),
        host: facts(),
        seed: args.seed,
        baselines: Vec::new(),
        environment: given.environment.clone(),
        warnings: warnings.iter().map(ToString::to_string).collect(),
        cancel: watch::channel(Cancel::No).1,
        watcher: None,
    }
}

/// Two connections: one for faults, and one to look at targets.
async fn engine(context: &Context, experiment: &Experiment) -> Result<Clients, CliError> {
    if !experiment::needs_engine(experiment) {
        return Ok(None);
    }
    Ok(Some((context.engine().await?, context.engine().await?)))
}

fn text(report: &Report, files: &[PathBuf], style: Style) -> String {
    let verdict = verdict(report.verdict);
    let verdict = match report.verdict {
        Verdict::Passed => style.good(verdict),
        Verdict::Interrupted => style.unsure(verdict),
        _ => style.bad(verdict),
    };
    let mut lines = vec![format!("{verdict}: {}", report.reason)];
    for fault in &report.faults {
        let injected = fault.counters.map_or(0, |counters| counters.injected);
        let (name, kind, target) = (&fault.name, &fault.kind, &fault.target);
        lines.push(format!("  {name}: {kind} on {target}, {injected} injected"));
    }
    for warning in &report.warnings {
        lines.push(format!("{}{warning}", style.unsure("warning: ")));
    }
    lines.extend(files.iter().map(|file| format!("  {}", file.display())));
    lines.join("\n")
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::NotSteady => "not started",
        Verdict::Deviated => "deviated",
        Verdict::Failed => "failed",
        Verdict::Interrupted => "interrupted",
        Verdict::BadInput => "bad input",
        Verdict::Refused => "refused",
        Verdict::BreakerTripped => "ended by a breaker",
        Verdict::UndoIncomplete => "undo incomplete",
    }
}
