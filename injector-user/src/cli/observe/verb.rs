//! Looks twice, and tells what was between.

use std::time::Duration;

use injector_core::target::Selector;
use injector_core::telemetry::{Frame, QUANTILE_ERROR, Signal, Summary, Window, summaries};
use injector_core::units::parse_duration;
use serde::Serialize;

use super::{csv, text};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::interrupts::Interrupts;
use crate::client::{Client, ClientError};
use crate::observer::Wanted;
use crate::protocol::{Answer, Call};

/// Show what targets feel: calls, errors and how long they take, as the kernel sees it
///
/// Nothing is injected and no target is touched: programs in the kernel count and time what targets do,
/// for as long as this runs, and are gone afterwards. Quantiles are off by 3.2 % at most.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Observe {
    /// Whom to observe, as for `inject`: pid:N, cgroup:/PATH, container:NAME, unit:NAME, comm:NAME, host …
    #[arg(value_name = "TARGET", required_unless_present = "top")]
    targets: Vec<Selector>,
    /// How long
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// What to look at; all that there is if not given
    #[arg(short, long, value_name = "SIGNAL", value_delimiter = ',')]
    signals: Vec<Signal>,
    /// Also so many of the busiest cgroups, each for itself
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    top: usize,
    /// Print lines of comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

const EXAMPLES: &str = "Examples:
  # What does redis do, and how long does it take?
  sudo temblor observe unit:redis-server --duration 10s
  # Which calls of a container fail, for a program to read
  sudo temblor observe container:web --signals syscalls --json
  # The five busiest cgroups and the whole host
  sudo temblor observe host --top 5";

/// For programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    targets: &'a [Selector],
    /// Milliseconds since 1970.
    from_unix_ms: u64,
    /// By the clock that nobody sets.
    seconds: f64,
    /// How far quantiles are off at most, as a share.
    quantile_error: f64,
    series: Vec<Summary>,
}

/// Exits well if targets could be observed, whatever they felt.
pub(in crate::cli) async fn run(context: &Context, args: Observe) -> Result<Exit, CliError> {
    let mut interrupts = Interrupts::catch()?;
    let client = context.engine().await?;
    observe(&client, wanted(&args)).await?;
    let from = frame(&client).await?;
    wait(context, &mut interrupts, args.duration).await;
    let to = frame(&client).await?;
    let window = Window {
        from: &from,
        to: &to,
    };
    print(context, &args, &window)?;
    Ok(Exit::Passed)
}

fn wanted(args: &Observe) -> Wanted {
    let signals = if args.signals.is_empty() {
        Signal::ALL
    } else {
        &args.signals
    };
    Wanted {
        targets: args.targets.iter().cloned().collect(),
        signals: signals.iter().copied().collect(),
        top: args.top,
    }
}

pub(in crate::cli) async fn observe(client: &Client, wanted: Wanted) -> Result<(), CliError> {
    match client.call(Call::Observe(wanted)).await? {
        Answer::Done => Ok(()),
        _ => Err(ClientError::Unexpected.into()),
    }
}

async fn frame(client: &Client) -> Result<Frame, CliError> {
    match client.call(Call::Frame).await? {
        Answer::Frame { frame } => Ok(*frame),
        _ => Err(ClientError::Unexpected.into()),
    }
}

/// Until the time is over or the user has seen enough.
pub(in crate::cli) async fn wait(
    context: &Context,
    interrupts: &mut Interrupts,
    duration: Duration,
) {
    let end = tokio::time::Instant::now() + duration;
    loop {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            break;
        }
        let said = format!(
            "observing, {:.0} s left; Ctrl-C ends it now",
            left.as_secs_f64().ceil()
        );
        context.out.refresh(&said);
        tokio::select! {
            () = interrupts.next() => break,
            () = tokio::time::sleep(left.min(Duration::from_secs(1))) => {}
        }
    }
    context.out.clear();
}

fn print(context: &Context, args: &Observe, window: &Window<'_>) -> Result<(), CliError> {
    let series = summaries(window);
    if args.csv {
        return context.out.raw(csv::lines(&series).as_bytes());
    }
    let seconds = window.duration().as_secs_f64();
    let report = Report {
        targets: &args.targets,
        from_unix_ms: window.from.unix_ns / 1_000_000,
        seconds,
        quantile_error: QUANTILE_ERROR,
        series,
    };
    context.out.result(&report, |style| {
        text::tables(&report.series, seconds, style)
    })
}
