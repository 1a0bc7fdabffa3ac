//! Arms one fault, and says in the end what it did.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;

use injector_core::fault::{FaultSpec, Kind};
use injector_core::plan::Plan;
use injector_core::problem::{Place, Problem, Problems};
use injector_core::units::format_duration;
use serde::Serialize;
use serde_json::json;

use super::child::{Child, Waiting};
use super::watch::{Watch, Watched};
use crate::cli::announce::{self, AnnounceArgs};
use crate::cli::context::Context;
use crate::cli::events::{self, EventsArg};
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::fault_args::FaultArgs;
use crate::cli::interrupts::Interrupts;
use crate::cli::loopback::Loopback;
use crate::cli::out::Out;
use crate::cli::replay;
use crate::cli::report;
use crate::client::{Client, ClientError, EventFile, connection_of_caller, resolve};
use crate::metrics;
use crate::protocol::{Answer, Arm, Call, Ended, FaultReport, State};

/// Arm a fault, watch it, and say what it did
///
/// The fault ends when its duration is over, when you press Ctrl-C, when `temblor stop` is called
/// anywhere, and whenever this process or the engine ends, however that happens.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Inject {
    #[command(subcommand)]
    fault: Option<FaultArgs>,
    /// Leave the fault to its duration and return at once
    #[arg(long, global = true, help_heading = "This command")]
    detach: bool,
    /// Serve Prometheus metrics here while the fault lasts
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS:PORT",
        help_heading = "This command"
    )]
    metrics: Option<Loopback>,
    #[command(flatten)]
    events: EventsArg,
    #[command(flatten)]
    announce: AnnounceArgs,
    /// Do again what this report says, with its seed; flags beside it win
    #[arg(
        long,
        global = true,
        value_name = "REPORT",
        help_heading = "This command"
    )]
    replay: Option<PathBuf>,
}

/// A report with what became of the command.
#[derive(Debug, Serialize)]
struct Injected<'a> {
    #[serde(flatten)]
    report: &'a FaultReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<CommandEnd>,
}

/// How the command ended: by itself or by a signal.
#[derive(Clone, Copy, Debug, Serialize)]
struct CommandEnd {
    exit_code: Option<i32>,
    signal: Option<i32>,
}

impl CommandEnd {
    fn of(status: ExitStatus) -> Self {
        Self {
            exit_code: status.code(),
            signal: status.signal(),
        }
    }
}

impl fmt::Display for CommandEnd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exit_code, self.signal) {
            (Some(code), _) => write!(out, "ended with exit status {code}"),
            (None, Some(signal)) => write!(out, "was ended by signal {signal}"),
            (None, None) => out.write_str("ended"),
        }
    }
}

/// A fault that is armed, and the command that waits for it.
#[derive(Debug)]
struct Ready {
    client: Client,
    waiting: Option<Waiting>,
    id: String,
    seed: u64,
    plan: Box<Plan>,
}

/// Exits well if the fault did what it was to do and left nothing behind.
pub(crate) async fn run(context: &Context, inject: Inject) -> Result<Exit, CliError> {
    let fault = replay::fault(inject.fault.clone(), inject.replay.as_deref())?;
    let spec = resolve(&fault.spec()?).await.map_err(Problems::from)?;
    check_detached(&inject, &fault)?;
    let events = inject.events.create(context.out)?;
    let destinations = inject.announce.destinations()?;
    // Before anything is armed: nothing of ours may fail to start after that.
    let mut interrupts = Interrupts::catch()?;
    let served = match inject.metrics {
        Some(address) => Some(address.listen().await?),
        None => None,
    };
    let ready = tokio::select! {
        ready = arm(context, &inject, &fault, &spec) => ready?,
        // The connection closes, and what was armed over it ends.
        () = interrupts.next() => return Ok(Exit::Failed),
    };
    warn(context.out, &ready.plan);
    if inject.detach {
        announce::not_from_here(context.out, &destinations);
        return say_detached(context, &spec, &ready);
    }
    let announcer = announce::start(context.out, destinations);
    if let Some(announcer) = &announcer {
        announcer.follow(&ready.client, &ready.id);
    }
    if let Some(listener) = served {
        let source = metrics::Source::new(context.run_dir(), None);
        tokio::spawn(metrics::serve(listener, source));
    }
    if let Some(events) = &events {
        events.follow(&ready.client, &ready.id, None);
    }
    let exit = go_on(context, ready, interrupts, events.as_ref()).await;
    announce::conclude(context.out, announcer.as_ref(), &exit).await;
    // Interrupted twice: the connection closes with us, and the fault ends with it.
    Ok(exit?.unwrap_or(Exit::Failed))
}

/// From an armed fault to its report; nothing if the user could not wait.
async fn go_on(
    context: &Context,
    ready: Ready,
    interrupts: Interrupts,
    events: Option<&EventFile>,
) -> Result<Option<Exit>, CliError> {
    let child = match ready.waiting {
        Some(waiting) => Some(
            waiting
                .release(&ready.client, &ready.id, &ready.plan)
                .await?,
        ),
        None => None,
    };
    let watch = Watch {
        out: context.out,
        client: &ready.client,
        id: &ready.id,
        interrupts,
        asked: false,
        shown: false,
    };
    watch_and_say(context, watch, child, events).await
}

async fn arm(
    context: &Context,
    inject: &Inject,
    fault: &FaultArgs,
    spec: &FaultSpec,
) -> Result<Ready, CliError> {
    let client = context.engine().await?;
    let waiting = match fault.command.as_slice() {
        [] => None,
        words => Some(Waiting::fork(&client, words, context.out.json).await?),
    };
    let arm = Arm {
        fault: spec.kind(),
        params: spec.to_params(),
        name: None,
        detached: inject.detach,
        ssh_connection: connection_of_caller(),
        rehearse_ms: None,
        follow: inject.events.is_given(),
    };
    let answer = client.call(Call::Arm(arm)).await;
    let Answer::Armed {
        fault: id,
        seed,
        plan,
    } = answer.map_err(|error| error.about(spec))?
    else {
        return Err(ClientError::Unexpected.into());
    };
    Ok(Ready {
        client,
        waiting,
        id,
        seed,
        plan,
    })
}

fn warn(out: Out, plan: &Plan) {
    for warning in &plan.warnings {
        out.note(&format!("{}{warning}", out.aside.unsure("warning: ")));
    }
}

fn say_detached(context: &Context, spec: &FaultSpec, ready: &Ready) -> Result<Exit, CliError> {
    let Ready {
        client: _,
        waiting: _,
        id,
        seed,
        plan,
    } = ready;
    let lasts = format_duration(spec.common.delay + spec.common.duration);
    let value = json!({ "fault": id, "seed": seed, "plan": plan });
    let text = format!("{id} acts for {lasts}; `temblor stop {id}` ends it before");
    context.out.result(&value, |_style| text)?;
    Ok(Exit::Passed)
}

fn check_detached(inject: &Inject, fault: &FaultArgs) -> Result<(), CliError> {
    if !inject.detach {
        return Ok(());
    }
    let (what, hint) = match (fault.command.is_empty(), inject.metrics) {
        (false, _) => (
            "a command is waited for, which a detached fault is not",
            "leave --detach away, or start the command yourself and name its cgroup",
        ),
        (true, Some(_)) => (
            "metrics are served while the fault is waited for",
            "leave --detach away, or use `temblor metrics --listen`",
        ),
        (true, None) if inject.events.is_given() => (
            "events are written while the fault is waited for",
            "leave --detach away, or --events",
        ),
        (true, None) if inject.announce.is_given() => (
            "faults are announced while they are waited for",
            "leave --detach away, or use `temblor metrics --listen` with the same flags",
        ),
        (true, None) => return Ok(()),
    };
    let problem = Problem::new(Place::flag("detach"), what);
    Err(CliError::Problems(problem.hint(hint).into()))
}

async fn watch_and_say(
    context: &Context,
    watch: Watch<'_>,
    child: Option<Child>,
    events: Option<&EventFile>,
) -> Result<Option<Exit>, CliError> {
    let with_command = child.is_some();
    let Some(Watched { report, command }) = watch.until_the_end(child).await? else {
        return Ok(None);
    };
    let logged = events::finished(events).await;
    let ended = command.map(CommandEnd::of);
    let injected = Injected {
        report: &report,
        command: ended,
    };
    context.out.result(&injected, |style| {
        let command = ended.map(|status| format!("\n  command   {status}"));
        format!(
            "{}{}",
            report::report(&report, style),
            command.unwrap_or_default()
        )
    })?;
    let exit = verdict(context.out, &report, with_command);
    Ok(Some(events::concluded(context.out, logged, exit)))
}

/// Says what was not as it should be; the report has been printed already.
pub(in crate::cli) fn verdict(out: Out, report: &FaultReport, with_command: bool) -> Exit {
    let error = match &report.state {
        State::UndoIncomplete { what } => CliError::Left { what: what.clone() },
        // A command that has ended is the normal end of it.
        State::Ended {
            how: Ended::TargetGone,
        } if !with_command && !is_meant_to_end(report) => CliError::TargetGone {
            target: report.params.get("target").cloned().unwrap_or_default(),
        },
        State::Ended { .. } | State::Pending | State::Active => return Exit::Passed,
    };
    out.complain(&error);
    error.exit()
}

/// Whether it is the fault's own doing if nobody is left.
fn is_meant_to_end(report: &FaultReport) -> bool {
    report.kind == Kind::ProcessSignal && report.counters.injected > 0
}
