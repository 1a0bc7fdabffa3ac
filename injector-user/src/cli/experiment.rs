//! Experiments on disk.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use injector_core::experiment::{
    Activity, Experiment, Overrides, Provider, Source, Validated, validate,
};
use injector_core::problem::{Problem, Problems};

use super::failure::CliError;
use super::out::Out;

/// The longest experiment that is read: nobody writes one of this length by hand.
const MAX_BYTES: u64 = 4 << 20;

/// Reads and validates an experiment; `-` is standard input. What is given wins over the file, and `more` over the
/// environment. Its warnings come along.
pub(super) fn load(
    path: &Path,
    given: &Overrides,
    more: &BTreeMap<String, String>,
) -> Result<(Experiment, Vec<Problem>), CliError> {
    let text = read(path)?;
    let file = path.display().to_string();
    let source = Source {
        file: Some(&file),
        environment: &|name| more.get(name).cloned().or_else(|| env::var(name).ok()),
        overrides: given,
    };
    let Validated {
        experiment,
        errors,
        warnings,
    } = validate(&text, &source);
    match experiment {
        Some(experiment) if errors.is_empty() => Ok((experiment, warnings)),
        _ => Err(Problems(errors).into()),
    }
}

/// Shows what will not do what it seems to do.
pub(super) fn warn(out: Out, warnings: &[Problem]) {
    for warning in warnings {
        out.note(&format!("{}{warning}", out.aside.unsure("warning: ")));
        if let Some(hint) = &warning.hint {
            out.note(&out.aside.hint(hint));
        }
    }
}

/// Whether an engine is needed to run it.
pub(super) fn needs_engine(experiment: &Experiment) -> bool {
    let done = |one: &&Activity| !experiment.runtime.leaves_out(one.kind);
    let providers = experiment.activities().filter(done);
    let mut providers = providers.map(|activity| &activity.provider);
    experiment.observe.is_some() || providers.any(|one| matches!(one, Provider::Temblor(_)))
}

/// The text of a file; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<String, CliError> {
    text_of(path).map_err(|source| CliError::Read {
        path: path.to_owned(),
        source,
    })
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let stdin = PathBuf::from("/dev/stdin");
    let path = if path == Path::new("-") { &stdin } else { path };
    let mut text = String::new();
    fs::File::open(path)?
        .take(MAX_BYTES)
        .read_to_string(&mut text)?;
    Ok(text)
}
