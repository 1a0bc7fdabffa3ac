//! `temblor validate`: says everything that is wrong with an experiment, and does nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use injector_core::experiment::Overrides;
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::experiment;
use super::failure::CliError;
use crate::runner::missing_programs;

/// Check an experiment without running it
///
/// Says everything that is wrong at once, each with its line and column.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Validate {
    /// A Chaos Toolkit experiment in YAML or JSON; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Exits well if it could be run.
pub(super) fn run(context: &Context, args: &Validate) -> Result<Exit, CliError> {
    let (experiment, mut warnings) =
        experiment::load(&args.file, Overrides::NONE, &BTreeMap::new())?;
    // They may be elsewhere, on the host where it is to run.
    warnings.extend(missing_programs(&experiment));
    if !context.out.json {
        experiment::warn(context.out, &warnings);
    }
    let (title, activities) = (&experiment.title, experiment.method.len());
    let observation = experiment.observation().map(|one| one.to_string());
    let value = json!({
        "valid": true,
        "title": title,
        "needs_engine": experiment::needs_engine(&experiment),
        "observes": observation,
        "warnings": warnings,
    });
    context.out.result(&value, |style| {
        let good = style.good("valid");
        let observes = observation
            .iter()
            .map(|what| format!("\n  observes {what}"));
        format!(
            "{}: {good}: \"{title}\", {activities} activities{}",
            args.file.display(),
            observes.collect::<String>()
        )
    })?;
    Ok(Exit::Passed)
}
