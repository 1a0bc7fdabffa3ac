//! A SQLite database in which every transaction moves something from one account to another.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::folder;
use crate::tool;

/// So many accounts that they fill several pages.
const ACCOUNTS: u32 = 200;

/// What each has in the beginning.
const EACH: u32 = 100;

/// Its file, in the state before a transaction.
#[derive(Debug)]
pub struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    /// A new database with this way to keep transactions: `DELETE` (a file to roll back) or `WAL`.
    pub fn make(mode: &str) -> Result<Self> {
        let folder = folder()?;
        let sqlite = Self { folder };
        sqlite.sql(&format!(
            "PRAGMA journal_mode={mode};
             CREATE TABLE account (id INTEGER PRIMARY KEY, has INTEGER, note TEXT);
             WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {ACCOUNTS})
             INSERT INTO account SELECT id, {EACH}, hex(zeroblob(40)) FROM n;"
        ))?;
        Ok(sqlite)
    }

    /// The command of one transaction: every account of the first half gives something to one of the
    /// second.
    pub fn words(&self) -> Vec<String> {
        let half = ACCOUNTS / 2;
        let script = format!(
            "PRAGMA synchronous=FULL; BEGIN;
             UPDATE account SET has = has - 1 WHERE id <= {half};
             UPDATE account SET has = has + 1 WHERE id > {half};
             COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
        );
        let file = self.file().display().to_string();
        ["sqlite3".to_owned(), "-batch".to_owned(), file, script].into()
    }

    /// Runs it below another program, such as one that will kill it.
    pub fn transact_below(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(program);
        command.args(arguments).args(self.words());
        command.output().with_context(|| format!("run {program}"))
    }

    /// Whether the transaction took place. An error unless the database is sound and it took place as a
    /// whole or not at all.
    pub fn check(&self) -> Result<bool> {
        let sound = self.sql("PRAGMA integrity_check")?;
        ensure!(sound.trim() == "ok", "the database is not sound: {sound}");
        let found = self.sql("SELECT DISTINCT has FROM account ORDER BY id")?;
        let (before, after) = (format!("{EACH}\n"), format!("{}\n{}\n", EACH - 1, EACH + 1));
        ensure!(
            found == before || found == after,
            "half a transaction took place: {found}"
        );
        Ok(found == after)
    }

    fn sql(&self, statement: &str) -> Result<String> {
        let file = self.file().display().to_string();
        tool(
            "sqlite3",
            &["-batch", "-init", "/dev/null", &file, statement],
        )
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("accounts.db")
    }
}
