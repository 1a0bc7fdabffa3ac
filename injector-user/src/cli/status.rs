//! `temblor status`: what is armed.

use std::fs;
use std::time::Duration;

use injector_core::proof::Counters;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;
use super::interrupts::Interrupts;
use super::report;
use super::style::Style;
use super::table::table;
use crate::client::ClientError;
use crate::clock::monotonic_ns;
use crate::protocol::{Answer, Call, EngineStatus, FaultReport};

/// Between two looks with `--watch`.
const LOOK: Duration = Duration::from_millis(500);

/// Show what is armed, what it did so far, and how the engine is
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Status {
    /// Show it again and again until Ctrl-C
    #[arg(short, long, conflicts_with = "json")]
    watch: bool,
}

/// The engine and its faults; none if none runs.
type Seen = Option<(EngineStatus, Vec<FaultReport>)>;

/// Exits well whatever is armed.
pub(super) async fn run(context: &Context, status: Status) -> Result<Exit, CliError> {
    let mut seen = look(context).await?;
    if status.watch {
        let mut interrupts = Interrupts::catch()?;
        loop {
            context.out.page(&text(context, &seen, context.out.style));
            tokio::select! {
                () = interrupts.next() => return Ok(Exit::Passed),
                () = sleep(LOOK) => {}
            }
            seen = look(context).await?;
        }
    }
    context
        .out
        .result(&value(context, &seen), |style| text(context, &seen, style))?;
    Ok(Exit::Passed)
}

async fn look(context: &Context) -> Result<Seen, CliError> {
    let Some(client) = context.running_engine().await? else {
        return Ok(None);
    };
    match client.call(Call::Status).await? {
        Answer::Status { engine, faults } => Ok(Some((engine, faults))),
        _ => Err(ClientError::Unexpected.into()),
    }
}

/// Entries of the undo log that no engine looks after; unknown without the right to look.
fn left_over(context: &Context) -> Option<usize> {
    let entries = fs::read_dir(context.run_dir().join("undo"));
    match entries {
        Ok(entries) => Some(entries.count()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(0),
        Err(_unknown) => None,
    }
}

fn value(context: &Context, seen: &Seen) -> Value {
    match seen {
        Some((engine, faults)) => json!({ "engine": engine, "faults": faults }),
        None => json!({ "engine": null, "faults": [], "undo_entries": left_over(context) }),
    }
}

fn text(context: &Context, seen: &Seen, style: Style) -> String {
    let Some((engine, faults)) = seen else {
        return idle(context, style);
    };
    let head = head(engine);
    if faults.is_empty() {
        return format!("{head}\nnothing is armed");
    }
    let header = [
        "FAULT", "TARGET", "OWNER", "TIME", "MATCHED", "INJECTED", "STATE",
    ];
    let rows: Vec<Vec<String>> = faults.iter().map(|fault| row(fault, style)).collect();
    format!("{head}\n\n{}", table(&header, &rows, style))
}

fn idle(context: &Context, style: Style) -> String {
    let left = left_over(context).filter(|left| *left > 0);
    let left = left.map(|left| {
        let hint = style.hint("`sudo temblor undo` puts it back");
        format!(
            "\n{}\n{hint}",
            style.bad(&format!("{left} entries are in the undo log"))
        )
    });
    format!(
        "no engine runs: nothing is armed{}",
        left.unwrap_or_default()
    )
}

fn head(engine: &EngineStatus) -> String {
    let EngineStatus {
        version,
        pid,
        keeper,
        attached,
        observing,
        lease_ms,
        clients,
        undo_entries,
    } = engine;
    let lease = if *attached == 0 {
        String::new()
    } else {
        format!(", lease {lease_ms}ms")
    };
    let observing = if *observing == 0 {
        String::new()
    } else {
        format!(", {observing} that only look")
    };
    format!(
        "engine {version}, process {pid}, keeper {keeper}, {clients} clients, \
         {attached} programs attached{observing}{lease}, {undo_entries} undo entries"
    )
}

fn row(fault: &FaultReport, style: Style) -> Vec<String> {
    let Counters {
        matched, injected, ..
    } = fault.counters;
    vec![
        fault.fault.clone(),
        report::target(fault),
        fault.owner.clone().unwrap_or_default(),
        report::clock(&fault.window, monotonic_ns()),
        matched.to_string(),
        injected.to_string(),
        report::state(fault, style),
    ]
}
