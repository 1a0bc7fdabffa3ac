//! `--var` and `--var-file`: values that win over those of the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use injector_core::document::{self, Node};
use injector_core::experiment::{Overrides, variable};
use injector_core::problem::{Place, Problem, Problems};
use serde_json::Value;

use crate::cli::failure::CliError;

/// Values beside the experiment's own.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct GivenArgs {
    /// Give a value of the configuration, as NAME=VALUE or NAME:TYPE=VALUE; TYPE is str, int, float, bool, bytes or
    /// json. May be given for each name, and wins over --var-file
    #[arg(long = "var", value_name = "NAME[:TYPE]=VALUE")]
    values: Vec<String>,
    /// Give values of `configuration` and `secrets` in YAML or JSON, or variables of the environment as NAME=VALUE in
    /// lines; a later file wins over one before
    #[arg(long = "var-file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What was given.
#[derive(Debug, Default)]
pub(super) struct GivenValues {
    pub(super) given: Overrides,
    /// For `type: env` and for programs.
    pub(super) environment: BTreeMap<String, String>,
}

impl GivenArgs {
    pub(super) fn read(&self) -> Result<GivenValues, CliError> {
        let mut all = GivenValues::default();
        let mut problems = Problems::default();
        for path in &self.files {
            let text = fs::read_to_string(path).map_err(|source| CliError::Read {
                path: path.clone(),
                source,
            })?;
            let name = path.display().to_string();
            if let Err(problem) = all.add_file(path, &text, &name) {
                problems.push(problem);
            }
        }
        for text in &self.values {
            match variable(text) {
                Ok((name, value)) => drop(all.given.configuration.insert(name, value)),
                Err(invalid) => problems.push(invalid.at(Place::flag("var"))),
            }
        }
        Ok(problems.or(all)?)
    }
}

impl GivenValues {
    fn add_file(&mut self, path: &Path, text: &str, name: &str) -> Result<(), Problem> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("yaml" | "yml" | "json")) {
            let node = document::read(text, Some(name))?;
            members(&node, "configuration", &mut self.given.configuration);
            members(&node, "secrets", &mut self.given.secrets);
            return Ok(());
        }
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                let place = Place::file(Some(name)).at(number, 1);
                let problem = Problem::new(place, format!("`{line}` has no `=`"));
                return Err(problem.hint("NAME=VALUE, a comment, or nothing"));
            };
            self.environment.insert(key.to_owned(), value.to_owned());
        }
        Ok(())
    }
}

fn members(node: &Node, key: &str, into: &mut BTreeMap<String, Value>) {
    let entries = node.get(key).and_then(Node::as_map).unwrap_or_default();
    into.extend(
        entries
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.to_json())),
    );
}
