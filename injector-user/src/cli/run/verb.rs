//! Runs an experiment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use injector_core::experiment::Experiment;
use injector_core::problem::{Problem, Problems};
use injector_core::report::{Report, Verdict};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::given::{GivenArgs, GivenValues};
use super::host::facts;
use super::journal::JournalArgs;
use super::progress::Progress;
use super::strategy::StrategyArgs;
use super::watching::Watching;
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
use crate::client::{Client, EngineFaults, connection_of_caller};
use crate::clock::unix_ms;
use crate::journal::Keeper;
use crate::report::write;
use crate::runner::{self, Cancel, Happened, Options, missing_programs};

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
    let interrupts = Interrupts::catch()?;
    let client = engine(context, &experiment).await?;
    drop_to_caller()?;
    let events = args.events.create(context.out)?;
    let announcer = announce::start(context.out, args.announce.destinations()?);
    let engine = client.map(|clients| {
        let caller = connection_of_caller();
        EngineFaults::new(clients, caller, events.clone(), announcer.clone())
    });
    // Before anything is injected: a report that cannot be written is worth knowing now.
    std::fs::create_dir_all(args.out()).map_err(|source| CliError::Write {
        path: args.out().to_owned(),
        source,
    })?;
    context
        .out
        .note(&context.out.aside.title(&experiment.title));
    let (wish, cancel) = watch::channel(Cancel::No);
    let (watcher, news) = mpsc::unbounded_channel();
    let options = Options {
        baselines,
        environment: given.environment,
        ..options(&args, &warnings, cancel, watcher)
    };
    let mut watching = Watching {
        news,
        progress: Progress::new(context.out),
        keeper: Keeper::begin(&experiment, options.started, &options.host),
    };
    let report = tokio::select! {
        report = runner::run(experiment, Arc::new(engine), options) => report,
        never = obey(context, interrupts, wish) => never,
        never = watching.follow() => never,
    };
    let journal = args
        .journal
        .write(watching.finish(), &report, args.out.as_deref());
    let logged = events::finished(events.as_ref()).await;
    let told = tell(context, &args, &report);
    announce::finish(context.out, announcer.as_ref()).await;
    told?;
    let exit = args.journal.exit(&report, &journal?);
    Ok(events::concluded(context.out, logged, exit))
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

fn options(
    args: &Run,
    warnings: &[Problem],
    cancel: watch::Receiver<Cancel>,
    watcher: mpsc::UnboundedSender<Happened>,
) -> Options {
    Options {
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms()),
        host: facts(),
        seed: args.seed,
        baselines: Vec::new(),
        environment: BTreeMap::new(),
        warnings: warnings.iter().map(ToString::to_string).collect(),
        cancel,
        watcher: Some(watcher),
    }
}

/// Two connections: one for faults, and one to look at targets.
async fn engine(
    context: &Context,
    experiment: &Experiment,
) -> Result<Option<(Client, Client)>, CliError> {
    if !experiment::needs_engine(experiment) {
        return Ok(None);
    }
    Ok(Some((context.engine().await?, context.engine().await?)))
}

/// Tells the runner what the person wants, for as long as it runs.
async fn obey(context: &Context, mut interrupts: Interrupts, wish: watch::Sender<Cancel>) -> ! {
    interrupts.next().await;
    context
        .out
        .note("ending the faults and playing the rollbacks; once more to leave them out");
    wish.send_replace(Cancel::Gracefully);
    loop {
        interrupts.next().await;
        wish.send_replace(Cancel::Now);
    }
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
