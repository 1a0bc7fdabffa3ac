//! Where the journal goes, and whose rules the exit code follows.

use std::path::{Path, PathBuf};

use injector_core::journal::Journal;
use injector_core::report::Report;

use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::report::replace;

/// For tools of the Chaos Toolkit.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct JournalArgs {
    /// Where to write the Chaos Toolkit's journal of the run; journal.json if not given, beside the report if --out is
    #[arg(long, value_name = "FILE")]
    journal_path: Option<PathBuf>,
    /// Exit as this tool does: `chaostoolkit` with 0 where the hypothesis did not hold before the method, or only
    /// while it ran, or where an action failed
    #[arg(long, value_name = "TOOL")]
    compat: Option<Compat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Compat {
    Chaostoolkit,
}

impl JournalArgs {
    /// Where it is to be.
    pub(super) fn path(&self, out: Option<&Path>) -> PathBuf {
        let beside = || out.unwrap_or(Path::new("")).join("journal.json");
        self.journal_path.clone().unwrap_or_else(beside)
    }

    /// By our rules, or the toolkit's.
    pub(super) fn exit(&self, report: &Report, journal: &Journal) -> Exit {
        match self.compat {
            None => Exit::of_code(report.exit_code),
            Some(Compat::Chaostoolkit) if journal.is_passed() => Exit::Passed,
            Some(Compat::Chaostoolkit) => Exit::Failed,
        }
    }
}

/// Writes the journal whole, or leaves what was there.
pub(super) fn write(path: &Path, journal: &Journal) -> Result<(), CliError> {
    let mut text = serde_json::to_vec_pretty(journal).map_err(CliError::Json)?;
    text.push(b'\n');
    replace(path, &text).map_err(|source| CliError::Write {
        path: path.to_owned(),
        source,
    })
}
