//! Whom a command tells that faults begin and end.

use std::env;
use std::path::{Path, PathBuf};

use injector_core::problem::{Place, Problem, Problems};
use nix::unistd::gethostname;

use super::exit::Exit;
use super::failure::CliError;
use super::interrupts::Interrupts;
use super::out::Out;
use crate::announce::{
    self, Address, Announcer, BadAddress, Destination, Grafana, Otlp, Shortfall, Token, Told,
};

const GRAFANA: &str = "TEMBLOR_GRAFANA_URL";
const TOKEN: &str = "TEMBLOR_GRAFANA_TOKEN";

/// The flags of the commands that announce.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct AnnounceArgs {
    /// Annotate faults in Grafana at this address; token in `TEMBLOR_GRAFANA_TOKEN`
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = GRAFANA,
        hide_env_values = true,
        help_heading = "This command"
    )]
    grafana: Option<String>,
    /// Take the token of Grafana from this file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        requires = "grafana",
        help_heading = "This command"
    )]
    grafana_token_file: Option<PathBuf>,
    /// Tell faults to an OpenTelemetry collector at this address, by OTLP over HTTP; else to the one in
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`
    #[arg(long, global = true, value_name = "URL", help_heading = "This command")]
    otlp: Option<String>,
}

impl AnnounceArgs {
    /// Whether flags ask for it, and not the environment, which is there for every command.
    pub(super) fn is_given(&self) -> bool {
        let by_flag = env::var_os(GRAFANA).is_none();
        self.otlp.is_some() || (self.grafana.is_some() && by_flag)
    }

    /// Whom flags and the environment name, with what they want to see. Nobody is called yet.
    pub(super) fn destinations(&self) -> Result<Vec<Box<dyn Destination>>, CliError> {
        let mut all: Vec<Box<dyn Destination>> = Vec::new();
        if let Some(address) = address("grafana", self.grafana.as_deref(), 3000)? {
            all.push(Box::new(Grafana::new(address, self.token()?)));
        }
        let otlp = address("otlp", self.otlp.as_deref(), 4318)?;
        let variable = |name: &str| env::var(name).ok();
        if let Some(settings) = announce::settings(otlp.as_ref(), variable)? {
            all.push(Box::new(Otlp::new(settings, host())));
        }
        Ok(all)
    }

    fn token(&self) -> Result<Option<Token>, CliError> {
        if let Some(path) = &self.grafana_token_file {
            return Ok(Some(Token::read(path)?));
        }
        let text = env::var(TOKEN).ok().filter(|text| !text.is_empty());
        let token = text.map(|text| Token::new(&text, TOKEN)).transpose();
        Ok(token?)
    }
}

/// An address that a flag gives, read without repeating it: there may be a password in it.
fn address(flag: &str, text: Option<&str>, port: u16) -> Result<Option<Address>, CliError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let address: Result<Address, BadAddress> = text.parse();
    let address = address.map_err(|error| {
        let problem = Problem::new(Place::flag(flag), error.to_string());
        Problems::from(problem.hint(format!("for example http://127.0.0.1:{port}")))
    });
    Ok(Some(address?))
}

/// Somebody to announce by; none if nobody is to be told.
pub(super) fn start(out: Out, destinations: Vec<Box<dyn Destination>>) -> Option<Announcer> {
    if destinations.is_empty() {
        return None;
    }
    // What is armed already does not end for this.
    let started = Announcer::start(destinations).map_err(CliError::from);
    started.inspect_err(|error| out.complain(error)).ok()
}

/// Says that nobody is told, if somebody was to be.
pub(super) fn not_from_here(out: Out, destinations: &[Box<dyn Destination>]) {
    if !destinations.is_empty() {
        out.note(
            "a detached fault is not announced; `temblor metrics --listen` announces every fault",
        );
    }
}

/// Ends announcing after a command that is `done`, or whose user could not wait for that.
pub(super) async fn conclude(
    out: Out,
    announcer: Option<&Announcer>,
    done: &Result<Option<Exit>, CliError>,
) {
    match done {
        Ok(None) => leave(out, announcer),
        Ok(Some(_)) | Err(_) => finish(out, announcer).await,
    }
}

/// Waits a little until everything is delivered, unless there is an interrupt, and says what was not.
pub(super) async fn finish(out: Out, announcer: Option<&Announcer>) {
    let Some(announcer) = announcer else {
        return;
    };
    let (shortfalls, open) = match Interrupts::catch() {
        Ok(mut interrupts) => tokio::select! {
            left = announcer.finish() => left,
            () = interrupts.next() => announcer.leave(),
        },
        Err(_no_signals) => announcer.finish().await,
    };
    say(out, &shortfalls, &open);
}

/// Says what was not delivered, and waits for nothing.
fn leave(out: Out, announcer: Option<&Announcer>) {
    let Some(announcer) = announcer else {
        return;
    };
    let (shortfalls, open) = announcer.leave();
    say(out, &shortfalls, &open);
}

/// Announces every fault of the engine of `run_dir`, until this is dropped; `told` has what it told then.
pub(super) async fn watch(
    out: Out,
    announcer: Option<&Announcer>,
    told: &mut Told,
    run_dir: &Path,
) -> ! {
    match announcer {
        Some(announcer) => announce::watch(announcer, told, run_dir, |text| warn(out, text)).await,
        None => std::future::pending().await,
    }
}

/// The same as [`finish`] for somebody who watched.
pub(super) async fn finish_watching(out: Out, announcer: Option<&Announcer>, told: &Told) {
    finish(out, announcer).await;
    if announcer.is_some() {
        let open: Vec<String> = told.open().map(str::to_owned).collect();
        say(out, &[], &open);
    }
}

fn say(out: Out, shortfalls: &[Shortfall], open: &[String]) {
    for shortfall in shortfalls {
        warn(out, &shortfall.to_string());
        if let Some(hint) = &shortfall.why.hint {
            out.note(&out.aside.hint(hint));
        }
    }
    for fault in open {
        warn(out, &format!("the end of {fault} is not announced"));
    }
}

fn warn(out: Out, text: &str) {
    out.note(&format!("{}{text}", out.aside.unsure("warning: ")));
}

fn host() -> String {
    gethostname().map_or_else(
        |_unknown| "unknown".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}
