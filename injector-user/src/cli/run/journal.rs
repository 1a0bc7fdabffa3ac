//! Where the journal goes, and whose rules the exit code follows.

use std::path::PathBuf;

use injector_core::journal::Journal;
use injector_core::report::Report;

use crate::cli::exit::Exit;
use crate::cli::failure::CliError;
use crate::journal::Keeper;
use crate::report::replace;

/// For tools of the Chaos Toolkit.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct JournalArgs {
    /// Where to write the Chaos Toolkit's journal of the run
    #[arg(long, value_name = "FILE", default_value = "journal.json")]
    journal_path: PathBuf,
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
    /// Writes the journal whole, or leaves what was there.
    pub(super) fn write(&self, keeper: Keeper, report: &Report) -> Result<Journal, CliError> {
        let journal = keeper.end(report);
        let mut text = serde_json::to_vec_pretty(&journal).map_err(CliError::Json)?;
        text.push(b'\n');
        replace(&self.journal_path, &text).map_err(|source| CliError::Write {
            path: self.journal_path.clone(),
            source,
        })?;
        Ok(journal)
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
