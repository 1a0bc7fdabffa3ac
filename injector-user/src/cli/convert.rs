//! `temblor convert`: a manifest of another tool as an experiment of ours.

use std::fs;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use injector_core::convert::{Converted, Format, Who, convert};
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::experiment;
use super::failure::CliError;

/// Convert a manifest of another chaos tool into an experiment
///
/// Everything in it is converted faithfully, or refused with its line, the reason, and what could be
/// done instead; all at once, and nothing is written then. Nothing is ever left out silently: a key
/// that is not known is refused, too.
///
/// What a cluster would choose by labels and names is not known to a host: --target says who suffers
/// here instead, and which fields it stands for is told.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  # The pods of the manifest are these containers here
  temblor convert --from chaos-mesh delay.yaml --target container:~^web- --out delay-here.yaml
  temblor validate delay-here.yaml
  # Several documents, each with a target of its own
  temblor convert --from chaos-mesh all.yaml --target slow-web=unit:nginx --target full-disk=unit:redis
  # What can be converted, and what not and why: docs/convert")]
pub(super) struct Convert {
    /// Whose manifest it is
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    from: Format,
    /// Who suffers on this host; with NAME= only for the document of that name
    #[arg(long, value_name = "[NAME=]SELECTOR")]
    target: Vec<String>,
    /// Write the experiment there, and not to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The manifest in YAML or JSON, of one document or several; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Exits well if everything was converted.
pub(super) fn run(context: &Context, args: &Convert) -> Result<Exit, CliError> {
    let text = experiment::read(&args.file)?;
    let who = Who::read(&args.target)?;
    let file = args.file.display().to_string();
    let Converted { text, notes } = convert(&text, Some(&file), args.from, &who)?;
    if let Some(path) = &args.out {
        fs::write(path, &text).map_err(|source| CliError::Write {
            path: path.clone(),
            source,
        })?;
    }
    if context.out.json {
        let value = json!({ "experiment": text, "out": args.out, "notes": notes });
        context.out.json(&value)?;
        return Ok(Exit::Passed);
    }
    for note in &notes {
        context
            .out
            .note(&format!("{}{note}", context.out.aside.unsure("note: ")));
    }
    match &args.out {
        Some(path) => context.out.note(&format!(
            "the experiment is in `{}`; `temblor validate` reads it, `temblor targets` says who its targets are",
            path.display()
        )),
        None => context.out.say(&text)?,
    }
    Ok(Exit::Passed)
}

/// Shells complete the names.
fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::NAMES).try_map(|name| name.parse::<Format>())
}
