//! `temblor metrics`: what is armed and what targets feel, for Prometheus.

use injector_core::target::Selector;
use injector_core::telemetry::Signal;
use serde_json::json;

use super::announce::{self, AnnounceArgs};
use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;
use super::interrupts::Interrupts;
use super::loopback::Loopback;
use crate::announce::Told;
use crate::metrics::{Logged, Observation, Source, plain, serve};
use crate::observer::Wanted;

/// Print Prometheus metrics once, or serve them on loopback
///
/// While they are served, every fault can be announced, whoever armed it: let only this command
/// announce them then, or they are announced twice.
///
/// With --observe, programs in the kernel count and time what targets do, for as long as this runs. An
/// engine is started for that if none runs, and nothing is injected. When the engine has gone, the next
/// one is asked to observe within a second or so.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Metrics {
    /// Serve them at http://ADDRESS:PORT/metrics until Ctrl-C
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<Loopback>,
    /// Also what a target feels; as for `observe`, and as often as there are targets
    #[arg(long, value_name = "TARGET")]
    observe: Vec<Selector>,
    /// What to look at; all that there is if not given
    #[arg(long, value_name = "SIGNAL", value_delimiter = ',')]
    signals: Vec<Signal>,
    /// Also what so many of the busiest cgroups feel, each for itself
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    top: usize,
    /// Also how many lines a target logs, by level and template; as for `logs`, and as often as there are
    /// targets
    #[arg(long, value_name = "TARGET", requires = "listen")]
    logs: Vec<Selector>,
    /// Print the older text format, which `promtool check metrics` and `node_exporter` read
    #[arg(long, conflicts_with_all = ["listen", "json"])]
    plain: bool,
    #[command(flatten)]
    announce: AnnounceArgs,
}

const EXAMPLES: &str = "Examples:
  # What is armed, and what redis feels
  sudo temblor metrics --listen 127.0.0.1:9464 --observe unit:redis-server
  # What it logs besides, by level and template
  sudo temblor metrics --listen 127.0.0.1:9464 --observe unit:redis-server --logs unit:redis-server
  # The ten busiest cgroups, calls and disks only
  sudo temblor metrics --listen 127.0.0.1:9464 --top 10 --signals syscalls,block";

/// Exits well whether an engine runs or not.
pub(super) async fn run(context: &Context, metrics: Metrics) -> Result<Exit, CliError> {
    let Some(address) = metrics.listen else {
        check_once(&metrics)?;
        return print(context, metrics.plain).await;
    };
    let wanted = metrics.wanted()?;
    let destinations = metrics.announce.destinations()?;
    let listener = address.listen().await?;
    let address = listener.local_addr().map_err(|source| CliError::Listen {
        address: address.to_string(),
        source,
    })?;
    let mut interrupts = Interrupts::catch()?;
    let observation = tokio::select! {
        observation = begin(context, wanted) => observation?,
        () = interrupts.next() => return Ok(Exit::Passed),
    };
    context
        .out
        .note(&format!("serving http://{address}/metrics"));
    let announcer = announce::start(context.out, destinations);
    let announcer = announcer.as_ref();
    let mut told = Told::default();
    let logged = Logged::begin(context.run_dir(), &metrics.logs).await?;
    let source = Source::new(context.run_dir(), observation.clone()).with_logs(Some(logged));
    tokio::select! {
        () = interrupts.next() => {}
        never = serve(listener, source) => never,
        never = keep(context, observation.as_ref()) => never,
        never = announce::watch(context.out, announcer, &mut told, context.run_dir()) => never,
    }
    announce::finish_watching(context.out, announcer, &told).await;
    Ok(Exit::Passed)
}

async fn print(context: &Context, is_plain: bool) -> Result<Exit, CliError> {
    let scraped = Source::new(context.run_dir(), None).scrape().await;
    let text = scraped.text();
    context
        .out
        .result(&json!({ "openmetrics": text }), |_style| {
            if is_plain { plain(&text) } else { text.clone() }
        })?;
    Ok(Exit::Passed)
}

async fn begin(context: &Context, wanted: Option<Wanted>) -> Result<Option<Observation>, CliError> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    Ok(Some(Observation::begin(context.run_dir(), wanted).await?))
}

async fn keep(context: &Context, observation: Option<&Observation>) -> ! {
    let out = context.out;
    let say = |text: &str| out.note(&format!("{}{text}", out.aside.unsure("warning: ")));
    match observation {
        Some(observation) => observation.keep(say).await,
        None => std::future::pending().await,
    }
}

impl Metrics {
    /// What is to be observed.
    fn wanted(&self) -> Result<Option<Wanted>, CliError> {
        if self.observe.is_empty() && self.top == 0 {
            return match self.signals.as_slice() {
                [] => Ok(None),
                _ => Err(CliError::Usage {
                    message: "--signals needs --observe or --top".to_owned(),
                    hint: "say who is to be observed, such as --observe host".to_owned(),
                }),
            };
        }
        let signals = if self.signals.is_empty() {
            Signal::ALL
        } else {
            &self.signals
        };
        Ok(Some(Wanted {
            targets: self.observe.iter().cloned().collect(),
            signals: signals.iter().copied().collect(),
            top: self.top,
        }))
    }
}

/// What is printed once watches nothing.
fn check_once(metrics: &Metrics) -> Result<(), CliError> {
    let (message, hint) = if metrics.announce.is_given() {
        (
            "--grafana and --otlp need --listen",
            "faults are announced for as long as metrics are served",
        )
    } else if metrics.wanted()?.is_some() {
        (
            "--observe and --top need --listen",
            "targets are observed for as long as metrics are served; `temblor observe` looks once",
        )
    } else {
        return Ok(());
    };
    Err(CliError::Usage {
        message: message.to_owned(),
        hint: hint.to_owned(),
    })
}
