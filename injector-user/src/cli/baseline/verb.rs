//! Observes for a while, and tells between what everything lies.

use std::path::{Path, PathBuf};
use std::time::Duration;

use injector_core::problem::{Place, Problem, Problems};
use injector_core::target::Selector;
use injector_core::telemetry::{Band, Baseline, History, Outside, Signal};
use injector_core::units::{format_duration, parse_duration};
use nix::unistd::gethostname;
use serde_json::json;

use super::file;
use crate::cli::caller::drop_to_caller;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::interrupts::Interrupts;
use crate::cli::observe;
use crate::cli::style::Style;
use crate::cli::table::table;
use crate::client::{Client, ClientError};
use crate::clock::monotonic_ns;
use crate::observer::Wanted;
use crate::protocol::{Answer, Call};

/// Find out what is natural for a target: its rates, errors and latencies while nobody harms it
///
/// Nothing is injected. The bands are kept in a file, for `run --baseline` and for `--compare`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct BaselineArgs {
    /// Whom to observe, as for `inject`
    #[arg(value_name = "TARGET")]
    target: Selector,
    /// How long; at least eight windows, at most 1h
    #[arg(short, long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    duration: Duration,
    /// Over how long each value is; 1s to 5m
    #[arg(short, long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    window: Duration,
    /// What to look at; all that there is if not given
    #[arg(short, long, value_name = "SIGNAL", value_delimiter = ',')]
    signals: Vec<Signal>,
    /// Where to keep it; temblor-baselines/TARGET.json if not given
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Say what is outside of the baseline in this file, and keep nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["save", "window"])]
    compare: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  # What is natural for redis
  sudo temblor baseline unit:redis-server --duration 5m --save redis.json
  # Is it still so? Exits with 1 if not
  sudo temblor baseline unit:redis-server --compare redis.json
  # When does it come back from a fault?
  sudo temblor run --baseline redis.json experiment.yaml";

/// Exits well unless something is outside of what it is compared with.
pub(in crate::cli) async fn run(context: &Context, args: BaselineArgs) -> Result<Exit, CliError> {
    let kept = args.compare.as_deref().map(file::read).transpose()?;
    let window = kept.as_ref().map_or(args.window, Baseline::window);
    check(&args, kept.as_ref(), window)?;
    let mut interrupts = Interrupts::catch()?;
    let client = context.engine().await?;
    drop_to_caller()?;
    let from_ns = monotonic_ns();
    observe::observe(&client, wanted(&args)).await?;
    observe::wait(context, &mut interrupts, args.duration).await;
    let history = frames(&client, from_ns).await?;
    let target = args.target.to_string();
    let span = (from_ns, u64::MAX);
    let taken = Baseline::take(&history, (&target, &host()), span, window);
    let taken = taken.map_err(|invalid| Problems::from(invalid.at(Place::flag("duration"))))?;
    match kept {
        Some(kept) => compared(context, &kept, &taken),
        None => keep(context, &args, &taken),
    }
}

/// What would come to nothing after all the waiting.
fn check(args: &BaselineArgs, kept: Option<&Baseline>, window: Duration) -> Result<(), CliError> {
    let refuse = |flag: &str, message: String, hint: String| {
        let problem = Problem::new(Place::flag(flag), message).hint(hint);
        Err(CliError::from(Problems::from(problem)))
    };
    let target = args.target.to_string();
    if let Some(kept) = kept.filter(|kept| kept.target != target) {
        let message = format!("this is a baseline of {}, not of {target}", kept.target);
        return refuse("compare", message, format!("observe {}", kept.target));
    }
    if !(Baseline::SHORTEST..=Baseline::LONGEST).contains(&window) {
        let message = format!("{} is no window", format_duration(window));
        return refuse("window", message, "from 1s to 5m".to_owned());
    }
    let windows = u32::try_from(Baseline::LEAST_SAMPLES).unwrap_or(u32::MAX);
    let least = window.saturating_mul(windows);
    let longest = Duration::from_hours(1);
    if (least..=longest).contains(&args.duration) {
        return Ok(());
    }
    let message = format!(
        "{} is no time to tell what is natural by windows of {}",
        format_duration(args.duration),
        format_duration(window)
    );
    let hint = format!("from {} to 1h", format_duration(least));
    refuse("duration", message, hint)
}

fn wanted(args: &BaselineArgs) -> Wanted {
    let signals = if args.signals.is_empty() {
        Signal::ALL
    } else {
        &args.signals
    };
    Wanted {
        targets: [args.target.clone()].into(),
        signals: signals.iter().copied().collect(),
        top: 0,
    }
}

/// Everything since then, page by page.
async fn frames(client: &Client, mut from_ns: u64) -> Result<History, CliError> {
    let mut history = History::default();
    loop {
        let to_ns = u64::MAX;
        let answer = client.call(Call::Frames { from_ns, to_ns }).await?;
        let Answer::Frames { frames } = answer else {
            return Err(ClientError::Unexpected.into());
        };
        let Some(last) = frames.last() else {
            return Ok(history);
        };
        from_ns = last.at_ns.saturating_add(1);
        for frame in &frames {
            // What does not fit is counted there, and a gap in the windows.
            let _counted = history.push(frame);
        }
    }
}

fn keep(context: &Context, args: &BaselineArgs, taken: &Baseline) -> Result<Exit, CliError> {
    let usual = || file::usual(&taken.target);
    let path = args.save.clone().unwrap_or_else(usual);
    file::write(&path, taken)?;
    let value = json!({ "baseline": taken, "file": path });
    context
        .out
        .result(&value, |style| bands(taken, &path, style))?;
    Ok(Exit::Passed)
}

fn bands(taken: &Baseline, path: &Path, style: Style) -> String {
    let header = ["WHAT", "OF", "LOW", "MEDIAN", "HIGH", "WINDOWS"];
    let rows: Vec<_> = taken.bands.iter().map(row).collect();
    let window = format_duration(taken.window());
    let mut lines = vec![
        format!("{}: {} windows of {window}", taken.target, taken.windows),
        table(&header, &rows, style),
    ];
    for (count, why) in [
        (
            taken.skipped,
            "windows were not looked at, as frames were missing",
        ),
        (taken.too_few, "statistics had a value in too few windows"),
        (taken.left_out, "statistics had no room"),
    ] {
        if count > 0 {
            lines.push(format!("{count} {why}"));
        }
    }
    lines.push(format!("kept in {}", path.display()));
    lines.join("\n")
}

fn row(band: &Band) -> Vec<String> {
    let show = |value| band.quantity().show(value);
    let labels = band.series.pairs();
    let labels = labels.filter(|(name, _value)| *name != "target");
    let labels: Vec<_> = labels
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    vec![
        format!("{} {}", band.statistic, band.series.metric().name),
        labels.join(" "),
        show(band.low),
        show(band.median),
        show(band.high),
        band.samples.to_string(),
    ]
}

fn compared(context: &Context, kept: &Baseline, taken: &Baseline) -> Result<Exit, CliError> {
    let outside = kept.outside(taken);
    let value = json!({ "target": kept.target, "bands": kept.bands.len(), "outside": outside });
    context
        .out
        .result(&value, |style| told(kept, &outside, style))?;
    Ok(if outside.is_empty() {
        Exit::Passed
    } else {
        Exit::Failed
    })
}

fn told(kept: &Baseline, outside: &[Outside], style: Style) -> String {
    if outside.is_empty() {
        let all = format!("all {} bands hold", kept.bands.len());
        return format!("{}: {}", kept.target, style.good(&all));
    }
    let some = format!(
        "{} of {} bands do not hold",
        outside.len(),
        kept.bands.len()
    );
    let mut lines = vec![format!("{}: {}", kept.target, style.bad(&some))];
    lines.extend(outside.iter().map(|one| format!("  {}", one.explanation)));
    lines.join("\n")
}

fn host() -> String {
    gethostname().map_or_else(
        |_unknown| "unknown".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}
