//! Looks twice, and puts together what both ends of each link say.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use injector_core::target::Selector;
use injector_core::telemetry::{Graph, Signal, Window, named};
use injector_core::units::parse_duration;
use nix::ifaddrs::getifaddrs;
use serde::Serialize;

use super::dot::dot;
use super::text::tree;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::interrupts::Interrupts;
use crate::cli::observe;
use crate::observer::Wanted;

/// So many of the busiest cgroups if nobody is named.
const BUSIEST: usize = 10;

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A tree for people
    #[default]
    Text,
    /// For Graphviz
    Dot,
    /// For programs, as with --json
    Json,
}

/// Show who talks to whom: connections, failures, bytes and round trips, as the kernel sees them
///
/// Nothing is injected and no target is touched. Both ends of a connection that are targets are one edge.
/// A peer with an address of this host is told by name if only one target serves its port; any other is
/// an address. Of TCP, bytes and round trips are those of connections that end meanwhile. `host` stands
/// for what none of the other targets has.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct GraphArgs {
    /// Whom to observe, as for `observe`; without any, host and the 10 busiest cgroups
    #[arg(value_name = "TARGET")]
    targets: Vec<Selector>,
    /// How long
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// Also so many of the busiest cgroups, each for itself
    #[arg(long, value_name = "NUMBER")]
    top: Option<usize>,
    /// In which form
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

const EXAMPLES: &str = "Examples:
  # Who talks to whom on this host?
  sudo temblor graph --duration 10s
  # A picture of two services and those they talk to
  sudo temblor graph unit:nginx unit:redis-server --format dot | dot -Tsvg > services.svg
  # For a program
  sudo temblor graph container:web --json";

/// For programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    /// As asked for; `host` if nobody was. Of the busiest cgroups, those that talked are among the nodes.
    targets: &'a [String],
    /// Milliseconds since 1970.
    from_unix_ms: u64,
    /// By the clock that nobody sets.
    seconds: f64,
    /// Events that were not observed although they should have been.
    not_observed: u64,
    #[serde(flatten)]
    graph: Graph,
}

/// Exits well if targets could be observed, whomever they talked to.
pub(in crate::cli) async fn run(context: &Context, args: GraphArgs) -> Result<Exit, CliError> {
    let mut interrupts = Interrupts::catch()?;
    let wanted = wanted(&args);
    let local = local()?;
    let client = context.engine().await?;
    observe::observe(&client, wanted.clone()).await?;
    let from = observe::frame(&client).await?;
    context.out.detail("observing");
    observe::wait(context, &mut interrupts, args.duration).await;
    let to = observe::frame(&client).await?;
    let window = Window {
        from: &from,
        to: &to,
    };
    let targets: Vec<String> = wanted.targets.iter().map(Selector::to_string).collect();
    let graph = Graph::of(&window, &targets, &local);
    let report = Report {
        targets: &targets,
        from_unix_ms: from.unix_ns / 1_000_000,
        seconds: window.duration().as_secs_f64(),
        not_observed: not_observed(&window),
        graph,
    };
    print(context, args.format, &report)?;
    Ok(Exit::Passed)
}

fn wanted(args: &GraphArgs) -> Wanted {
    let nobody = args.targets.is_empty() && args.top.is_none();
    let host = nobody.then_some(Selector::Host);
    let busiest = if nobody { BUSIEST } else { 0 };
    Wanted {
        targets: args.targets.iter().cloned().chain(host).collect(),
        signals: [Signal::Tcp, Signal::Udp].into(),
        top: args.top.unwrap_or(busiest),
    }
}

fn not_observed(window: &Window<'_>) -> u64 {
    let Ok(metric) = named("observer_lost") else {
        return 0;
    };
    let lost = window
        .changes()
        .filter(|(series, _)| series.metric() == metric);
    lost.map(|(_series, value)| value.count()).sum()
}

/// The addresses of this host, in the network namespace that we are in.
fn local() -> Result<BTreeSet<IpAddr>, CliError> {
    let interfaces = getifaddrs().map_err(|errno| CliError::Addresses(io::Error::from(errno)))?;
    let addresses = interfaces.filter_map(|interface| interface.address);
    let addresses = addresses.filter_map(|address| {
        let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
        v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
    });
    Ok(addresses.collect())
}

fn print(context: &Context, format: Format, report: &Report<'_>) -> Result<(), CliError> {
    if report.not_observed > 0 {
        let lost = format!("{} events were not observed", report.not_observed);
        context.out.note(&context.out.aside.unsure(&lost));
    }
    match format {
        Format::Json => context.out.json(report),
        Format::Dot if !context.out.json => context.out.raw(dot(&report.graph).as_bytes()),
        Format::Dot | Format::Text => context
            .out
            .result(report, |style| tree(&report.graph, report.seconds, style)),
    }
}
