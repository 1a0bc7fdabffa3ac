//! Lists targets.

use nix::unistd::geteuid;
use serde::Serialize;
use serde_json::json;

use super::candidate::{Candidate, candidates};
use super::fits::{Fit, Fits, fits, suppose_able};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::cli::style::Style;
use crate::cli::table::table;
use crate::safety::Protection;
use crate::target::survey;

/// List who could suffer, and which faults fit
///
/// Needs no root, and sees less without it. Whether this host can do a fault at all is not looked at.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Targets {
    /// Show protected ones and those that no fault fits too, and why
    #[arg(short, long)]
    all: bool,
}

/// One target, for programs.
#[derive(Debug, Serialize)]
struct Row {
    target: String,
    about: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    protected: Option<String>,
    faults: Vec<Fit>,
}

/// Exits well if the host could be read.
pub(crate) fn run(context: &Context, args: Targets) -> Result<Exit, CliError> {
    let protection = Protection::of([std::process::id().cast_signed()]);
    let mut inventory = survey(&protection, &[])?;
    suppose_able(&mut inventory);
    let found = candidates(&inventory);
    let has_nameless = inventory.containers.iter().any(|one| one.name.is_none());
    let nameless = inventory.nameless.clone().filter(|_why| has_nameless);
    let count = found.len();
    let rows = found.into_iter().map(|candidate| {
        let Candidate {
            selector,
            about,
            protected,
        } = candidate;
        let faults = fits(&inventory, &selector);
        Row {
            target: selector.to_string(),
            about,
            protected,
            faults,
        }
    });
    let rows: Vec<Row> = rows.filter(|row| args.all || row.is_of_use()).collect();
    let (hidden, unseen) = (count - rows.len(), unseen());
    let value = json!({ "targets": rows, "hidden": hidden, "unseen": unseen });
    context
        .out
        .result(&value, |style| text(&rows, args.all, style))?;
    if !context.out.json {
        let hidden = (hidden > 0).then(|| {
            format!("{hidden} more are protected or fit no fault: `temblor targets --all` says why")
        });
        let nameless = nameless.map(|why| format!("containers are listed by their ids: {why}"));
        let notes = [hidden, nameless, unseen.map(str::to_owned)];
        for note in notes.iter().flatten() {
            context.out.note(note);
        }
    }
    Ok(Exit::Passed)
}

impl Row {
    fn is_of_use(&self) -> bool {
        let fits = |fit: &Fit| !matches!(fit.fits, Fits::No { .. });
        self.protected.is_none() && self.faults.iter().any(fits)
    }

    fn cells(&self, all: bool) -> Vec<String> {
        let names = self.faults.iter().filter_map(|fit| match fit.fits {
            Fits::Yes => Some(fit.fault.to_string()),
            Fits::Filtered => Some(format!("{}*", fit.fault)),
            Fits::No { .. } => None,
        });
        let names: Vec<String> = names.collect();
        let mut faults = names.join(" ");
        if all && faults.is_empty() {
            faults = format!("none: {}", self.why_not());
        }
        vec![self.target.clone(), self.about.clone(), faults]
    }

    fn why_not(&self) -> String {
        let reasons = self.faults.iter().find_map(|fit| match &fit.fits {
            Fits::No { reason } => Some(reason.clone()),
            Fits::Yes | Fits::Filtered => None,
        });
        let protected = self
            .protected
            .as_ref()
            .map(|why| format!("protected, {why}"));
        protected.or(reasons).unwrap_or_default()
    }
}

fn text(rows: &[Row], all: bool, style: Style) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells(all)).collect();
    let shown = table(&["TARGET", "ABOUT", "FAULTS"], &cells, style);
    if cells.iter().flatten().any(|cell| cell.contains('*')) {
        return format!("{shown}\n\n* only with --peers or --ports");
    }
    shown
}

/// What our rights did not let us see.
fn unseen() -> Option<&'static str> {
    (!geteuid().is_root()).then_some(
        "without root the network namespaces and programs of other users' processes are not seen",
    )
}
