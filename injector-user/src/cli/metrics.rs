//! `temblor metrics`: what is armed, for Prometheus.

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::failure::CliError;
use super::interrupts::Interrupts;
use super::loopback::Loopback;
use crate::metrics::{scrape, serve};

/// Print Prometheus metrics once, or serve them on loopback
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Metrics {
    /// Serve them at http://ADDRESS:PORT/metrics until Ctrl-C
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<Loopback>,
}

/// Exits well whether an engine runs or not.
pub(super) async fn run(context: &Context, metrics: Metrics) -> Result<Exit, CliError> {
    let Some(address) = metrics.listen else {
        let text = scrape(context.run_dir()).await;
        context
            .out
            .result(&json!({ "openmetrics": text }), |_style| text.clone())?;
        return Ok(Exit::Passed);
    };
    let listener = address.listen().await?;
    let address = listener.local_addr().map_err(|source| CliError::Listen {
        address: address.to_string(),
        source,
    })?;
    let mut interrupts = Interrupts::catch()?;
    context
        .out
        .note(&format!("serving http://{address}/metrics"));
    tokio::select! {
        () = interrupts.next() => {}
        () = serve(listener, context.run_dir().to_owned()) => {}
    }
    Ok(Exit::Passed)
}
