//! `temblor metrics`: what is armed, for Prometheus.

use serde_json::json;

use super::announce::{self, AnnounceArgs};
use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;
use super::interrupts::Interrupts;
use super::loopback::Loopback;
use crate::announce::Told;
use crate::metrics::{scrape, serve};

/// Print Prometheus metrics once, or serve them on loopback
///
/// While they are served, every fault can be announced, whoever armed it: let only this command
/// announce them then, or they are announced twice.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Metrics {
    /// Serve them at http://ADDRESS:PORT/metrics until Ctrl-C
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<Loopback>,
    #[command(flatten)]
    announce: AnnounceArgs,
}

/// Exits well whether an engine runs or not.
pub(super) async fn run(context: &Context, metrics: Metrics) -> Result<Exit, CliError> {
    let Some(address) = metrics.listen else {
        check_once(&metrics)?;
        let text = scrape(context.run_dir()).await;
        context
            .out
            .result(&json!({ "openmetrics": text }), |_style| text.clone())?;
        return Ok(Exit::Passed);
    };
    let destinations = metrics.announce.destinations()?;
    let listener = address.listen().await?;
    let address = listener.local_addr().map_err(|source| CliError::Listen {
        address: address.to_string(),
        source,
    })?;
    let mut interrupts = Interrupts::catch()?;
    context
        .out
        .note(&format!("serving http://{address}/metrics"));
    let announcer = announce::start(context.out, destinations);
    let announcer = announcer.as_ref();
    let mut told = Told::default();
    tokio::select! {
        () = interrupts.next() => {}
        never = serve(listener, context.run_dir().to_owned()) => never,
        never = announce::watch(context.out, announcer, &mut told, context.run_dir()) => never,
    }
    announce::finish_watching(context.out, announcer, &told).await;
    Ok(Exit::Passed)
}

/// What is printed once watches nothing.
fn check_once(metrics: &Metrics) -> Result<(), CliError> {
    if !metrics.announce.is_given() {
        return Ok(());
    }
    Err(CliError::Usage {
        message: "--grafana and --otlp need --listen".to_owned(),
        hint: "faults are announced for as long as metrics are served".to_owned(),
    })
}
