//! Follows the logs of a target for a while.

use std::path::PathBuf;
use std::time::Duration;

use injector_core::logs::{Level, Summary};
use injector_core::problem::{Invalid, Place, Problems};
use injector_core::target::Selector;
use injector_core::units::{format_duration, parse_duration};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::show::text;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::interrupts::Interrupts;
use crate::clock::monotonic_ns;
use crate::logs::{Collected, Collector, Followed, Subject};

/// Between two lines about how it goes, for whoever asked to know more.
const DETAIL: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "Examples:
  # How often does it log what?
  temblor logs pid:123
  # Which lines come while a fault acts, and which only then?
  sudo temblor inject net.loss --target unit:redis.service --probability 0.3 \\
      --delay 10s --duration 10s --detach
  sudo temblor logs unit:redis.service --duration 30s
  # A container by its name, for programs
  sudo temblor logs container:web --duration 1m --json
  # Files that no process has as its output
  temblor logs comm:nginx --file /var/log/nginx/access.log --file /var/log/nginx/error.log";

/// Follow a target's log lines: how many of which kind, and while which fault
///
/// Follows the journal of a unit, the output of a container over the API of Docker or podman, what
/// processes write to regular files as their output and errors, and files that are named. Lines are
/// counted by level and by template: the line with numbers, addresses, times and the like masked. Beside
/// each stands how many came while which fault acted, as a running engine tells; none is started.
///
/// Reads only what is written from now on, with your own rights, and writes nothing.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct LogsArgs {
    /// Whose: pid:, unit:, container:, cgroup:, comm:, exe: or user:
    #[arg(value_name = "TARGET", required_unless_present = "files")]
    target: Option<String>,
    /// Follow this file too, also when it is renamed or cut short; may be repeated
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// For how long; Ctrl-C ends it before, with the result
    #[arg(long, value_name = "TIME", default_value = "10s")]
    duration: String,
    /// Show so many templates, the most frequent first; --json has all
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    top: usize,
}

/// Exits well if anything could be followed.
pub(in crate::cli) async fn run(context: &Context, args: LogsArgs) -> Result<Exit, CliError> {
    let (target, duration) = read(&args)?;
    let label = target.as_ref().map(Selector::to_string);
    let mut interrupts = Interrupts::catch()?;
    let subject = Subject {
        target,
        files: args.files,
        run_dir: context.run_dir().to_owned(),
        journalctl: "journalctl".into(),
    };
    let mut collector = Collector::start(subject).await?;
    for one in collector.followed() {
        context.out.detail(&format!("following {}", one.source));
    }
    tokio::select! {
        () = interrupts.next() => {}
        () = sleep(duration) => {}
        () = watch(context, &mut collector, duration) => {}
    }
    context.out.clear();
    let collected = collector.finish().await;
    let summary = Summary::of(&collected.tally, collected.ended_ns);
    let value = value(label.as_deref(), &summary, &collected);
    context
        .out
        .result(&value, |style| text(&summary, &collected, args.top, style))?;
    Ok(exit(&collected))
}

/// For programs.
fn value(target: Option<&str>, summary: &Summary, collected: &Collected) -> Value {
    let Collected {
        tally: _,
        ended_ns: _,
        followed,
        unfollowed,
        unfollowed_more,
        faults_unknown,
    } = collected;
    json!({
        "target": target,
        "summary": summary,
        "followed": followed,
        "unfollowed": unfollowed,
        "unfollowed_more": unfollowed_more,
        "faults_unknown": faults_unknown,
    })
}

/// What is asked for, or all that is wrong with it.
fn read(args: &LogsArgs) -> Result<(Option<Selector>, Duration), CliError> {
    let place = Place {
        path: "TARGET".to_owned(),
        ..Place::default()
    };
    let target = args.target.as_deref().map(str::parse::<Selector>);
    let target = target.transpose().map_err(|invalid| invalid.at(place));
    let duration = parse_duration(&args.duration).and_then(|duration| {
        if duration.is_zero() {
            return Err(Invalid::saying("nothing is written in 0s").hint("for example 10s"));
        }
        Ok(duration)
    });
    let duration = duration.map_err(|invalid| invalid.at(Place::flag("duration")));
    match (target, duration) {
        (Ok(target), Ok(duration)) => Ok((target, duration)),
        (target, duration) => {
            let problems = target.err().into_iter().chain(duration.err());
            Err(Problems(problems.collect()).into())
        }
    }
}

/// Goes on until nothing could come any more: one that has ended after its first line may be started
/// anew.
async fn watch(context: &Context, collector: &mut Collector, duration: Duration) {
    let (mut said_ns, mut said) = (collector.tally().begun_ns(), 0);
    loop {
        collector.step().await;
        let progress = progress(collector, duration);
        context.out.refresh(&progress);
        let (now_ns, lines) = (monotonic_ns(), collector.tally().all().lines);
        if lines != said && Duration::from_nanos(now_ns.saturating_sub(said_ns)) >= DETAIL {
            (said_ns, said) = (now_ns, lines);
            context.out.clear();
            context.out.detail(&progress);
        }
        if collector.followed().iter().all(has_failed) {
            return;
        }
    }
}

fn has_failed(one: &Followed) -> bool {
    one.ended.is_some() && one.lines == 0
}

/// One line of how it goes.
fn progress(collector: &Collector, duration: Duration) -> String {
    let tally = collector.tally();
    let now_ns = monotonic_ns();
    let begun_ns = tally.begun_ns();
    let seconds = Duration::from_nanos(now_ns.saturating_sub(begun_ns)).as_secs();
    let bad = [Level::Critical, Level::Error];
    let counts = bad.iter().filter_map(|level| tally.levels().get(level));
    let errors: u64 = counts.map(|count| count.lines).sum();
    let windows = tally.windows();
    let acting = windows.at(now_ns).filter_map(|place| {
        let window = windows.known().get(place)?;
        Some(format!("; {} {} acts", window.fault, window.kind))
    });
    let acting: String = acting.collect();
    let (lines, all) = (tally.all().lines, format_duration(duration));
    format!("{seconds}s of {all}: {lines} lines, {errors} of errors{acting}")
}

/// A result without any source is none.
fn exit(collected: &Collected) -> Exit {
    if collected.followed.iter().all(has_failed) {
        Exit::Failed
    } else {
        Exit::Passed
    }
}
