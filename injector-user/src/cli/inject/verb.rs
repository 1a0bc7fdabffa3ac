//! Arms one fault, and says in the end what it did.

use injector_core::problem::{Place, Problem};
use injector_core::units::format_duration;
use serde::Serialize;
use serde_json::json;

use super::child::{Child, Waiting};
use super::watch::{Watch, Watched};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::fault_args::FaultArgs;
use crate::cli::interrupts::Interrupts;
use crate::cli::loopback::Loopback;
use crate::cli::report;
use crate::client::{Client, ClientError, connection_of_caller};
use crate::metrics;
use crate::protocol::{Answer, Arm, Call, Ended, FaultReport, State};

/// Arm a fault, watch it, and say what it did
///
/// The fault ends when its duration is over, when you press Ctrl-C, when `temblor stop` is called
/// anywhere, and whenever this process or the engine ends, however that happens.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Inject {
    #[command(subcommand)]
    fault: FaultArgs,
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
}

/// A report with what became of the command.
#[derive(Debug, Serialize)]
struct Injected<'a> {
    #[serde(flatten)]
    report: &'a FaultReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

/// Exits well if the fault did what it was to do and left nothing behind.
pub(crate) async fn run(context: &Context, inject: Inject) -> Result<Exit, CliError> {
    let Inject {
        fault,
        detach,
        metrics,
    } = inject;
    let spec = fault.spec()?;
    check_detached(detach, &fault, metrics)?;
    // Before anything is armed: nothing of ours may fail to start after that.
    let interrupts = Interrupts::catch()?;
    let served = match metrics {
        Some(address) => Some(address.listen().await?),
        None => None,
    };
    let client = context.engine().await?;
    let waiting = match fault.command.as_slice() {
        [] => None,
        words => Some(Waiting::fork(&client, words, context.out.json).await?),
    };
    let arm = Arm {
        fault: fault.kind,
        params: spec.to_params(),
        name: None,
        detached: detach,
        ssh_connection: connection_of_caller(),
    };
    let Answer::Armed {
        fault: id,
        seed,
        plan,
    } = client.call(Call::Arm(arm)).await?
    else {
        return Err(ClientError::Unexpected.into());
    };
    for warning in &plan.warnings {
        context
            .out
            .note(&context.out.aside.unsure(&format!("warning: {warning}")));
    }
    if detach {
        let lasts = format_duration(spec.common.delay + spec.common.duration);
        let value = json!({ "fault": id, "seed": seed, "plan": plan });
        let text = format!("{id} acts for {lasts}; `temblor stop {id}` ends it before");
        context.out.result(&value, |_style| text)?;
        return Ok(Exit::Passed);
    }
    if let Some(listener) = served {
        tokio::spawn(metrics::serve(listener, context.run_dir().to_owned()));
    }
    let child = waiting.map(Waiting::release).transpose()?;
    let watch = Watch {
        out: context.out,
        client: &client,
        id: &id,
        interrupts,
        asked: false,
    };
    watch_and_say(context, &client, watch, child).await
}

fn check_detached(
    detach: bool,
    fault: &FaultArgs,
    metrics: Option<Loopback>,
) -> Result<(), CliError> {
    if !detach {
        return Ok(());
    }
    let what = match (fault.command.is_empty(), metrics) {
        (false, _) => "a command is waited for, which a detached fault is not",
        (true, Some(_)) => "metrics are served while the fault is waited for",
        (true, None) => return Ok(()),
    };
    let problem = Problem::new(Place::flag("detach"), what);
    let hint = match metrics {
        Some(_) => "leave --detach away, or use `temblor metrics --listen`",
        None => "leave --detach away, or start the command yourself and name its cgroup",
    };
    Err(CliError::Problems(problem.hint(hint).into()))
}

async fn watch_and_say(
    context: &Context,
    client: &Client,
    watch: Watch<'_>,
    child: Option<Child>,
) -> Result<Exit, CliError> {
    let with_command = child.is_some();
    let Watched { report, command } = match watch.until_the_end(child).await? {
        Some(watched) => watched,
        // Interrupted twice: the connection closes with us, and the fault ends with it.
        None => return Ok(Exit::Failed),
    };
    let ended = command.map(|status| status.to_string());
    let injected = Injected {
        report: &report,
        command: ended.clone(),
    };
    context.out.result(&injected, |style| {
        let command = ended.map(|status| format!("\n  command   ended with {status}"));
        format!(
            "{}{}",
            report::report(&report, style),
            command.unwrap_or_default()
        )
    })?;
    // Keeps the connection, and so the fault, until everything is said.
    let _held = client;
    verdict(&report, with_command)
}

fn verdict(report: &FaultReport, with_command: bool) -> Result<Exit, CliError> {
    match &report.state {
        State::UndoIncomplete { what } => Err(CliError::Left { what: what.clone() }),
        // A command that has ended is the normal end of it.
        State::Ended {
            how: Ended::TargetGone,
        } if !with_command => Err(CliError::TargetGone),
        State::Ended { .. } | State::Pending | State::Active => Ok(Exit::Passed),
    }
}
